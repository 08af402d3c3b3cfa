"""Words and patterns of the miniature tweets, ironic or with a stance (see miniature_words.py)."""
from miniature_words import lexicon, lines, words

TWEET = {
    "glad": lexicon("""so happy, I love it, best day ever, how nice, so excited, great,
        wonderful, lucky me, feeling blessed, made my day, perfect, fantastic, this is the life,
        awesome, lovely, what a treat, so much fun, brilliant, perfect timing, amazing, just
        what I needed, so         grateful, I could sing, what a joy, can't stop smiling,
        beautiful, so proud, thank you         universe, this makes me glad, such a pleasure,
        pure bliss, I am thrilled, delightful, hooray, superb, what luck, how sweet, cheers, I
        feel so special, marvelous"""),
    "sad": lexicon("""so annoyed, I hate it, worst day ever, how rude, so tired, terrible,
        awful, poor me, feeling down, ruined my day, horrible, so angry, this is no fun, ugh,
        nasty, what         a         pain, so boring, miserable, bad timing, sick of it, just
        what I feared, so upset, I         could cry, what a shame, can't stop crying, ugly, so
        ashamed, no thanks universe, this         makes me sad, such a bore, pure misery, I am
        furious, dreadful, damn, pathetic, what a         mess, how mean, sigh, I feel so alone,
        disgusting"""),
    "luck": lexicon("""free coffee at work, a sunny day at the beach, my team won the cup, a new
        puppy at home, the exam got cancelled, tickets for the concert, an old friend is
        visiting, the cake         turned out fine, two weeks off from {day}, got the job in
        {place}, breakfast in bed, a         seat on the train, finished my thesis, fresh snow
        and no wind, a pay rise in {month}, the baby slept all night, pizza night with the team,
        found my lost         keys, the doctor says         I am healthy, holidays in {place},
        grandma baked cookies, my         brother is home from         {place}, a letter from my
        best friend, the bus came early, passed my driving test, a         birthday party on
        {day}, sold my first painting, a kiss         from my daughter, dinner with
        {first}, the garden is full of flowers, won a prize         in {place}, {first} said
        yes, no         school on {day}, got a refund, a rainbow over         {place}, my cold
        is gone, new shoes that         fit, a long walk with {first}, {first}         cooked
        for me, clean sheets"""),
    "woe": lexicon("""a flat tyre in the rain, my train is late again, homework until midnight,
        my         phone fell         in the sink, the dentist on {day}, stuck in traffic for
        {small} hours, an exam at eight         in the morning, the boss wants me in on {day},
        neighbours drilling         since six, lost my         wallet in {place}, a cold shower
        again, no seat on the train, the printer ate my thesis, a parking ticket, the rent goes
        up in {month}, the baby cried         all night, another meeting         about meetings,
        my laptop died, the flight to {place}         got cancelled, a fever on my
        birthday, spam from {first} all day, the dog ate my         shoes, {small} hours in line
        at the         bank, the internet is down, burnt the dinner, a         bill for {n}
        dollars, {first} forgot me, food poisoning in {place}, the milk is sour, a rat
        in the kitchen, the roof leaks, my         tooth hurts, got fired on {day}, missed the
        last         bus, someone stole my bike, taxes on         {day}, my team lost again"""),
    "calm": lines("""
        {first}, are you coming to {place} on {day}?
        new blog post about {place}, read it here
        watching the news with {first}
        does anybody know a good doctor in {place}?
        on my way to {place} to see {first}
        {first} and {first} talk about music on {day}
        the weather in {place} is the same as in {month}
        good morning {place}
        what time is the game on {day}?
        I think {first} is right about this
        we will be in {place} until {month}
        you should read the book by {first} {last}
        happy birthday {first}
        my {small} cats are asleep
        looking for a flat in {place} from {month}
        has anybody seen the {adj} {noun}?
        the {noun} next to the {noun} is {adj}
        working late on {day}, then home"""),
    "mock": lines("""
        because who doesn't need {woe}
        {woe}, said no one ever
        oh great, {woe}
        yeah right, as if {luck} were enough
        thanks a lot {first}, really helpful
        wow {first}, you must be so smart
        so {first} says it is fine, what could go wrong
        nothing like {woe}
        sure, {first} never lies
        clearly {first} has thought this through
        of course, {woe}
        I just love how {first} never listens
        because {woe} is what life is about
        good job {first}, {woe}
        {n} rules a day, that will fix {place}"""),
    "tag": lexicon("""#{day}, #work, #life, #weekend, #school, #fail, #blessed, #weather,
        #truth, #mood, #train, #family, #fun, #monday, #news, #joke, #love, #tired, #winning,
        #{place}, #coffee, #help"""),
    "who": ["", "", "", "@user ", "@user @user ", "RT @user ", "ok ", "so "],
    "when": words("""today, tonight, on {day}, this morning, again, this week, at work, in
        {place}, in {month}"""),
    "then": words("""{when}, {when}, and it is only {day}, with {first}, right before {month},
        says         {first}, near the {adj} {noun}, with the {noun}, next to the {noun}, just
        like the {adj}         {noun}"""),
    "end": ["", "", "", ".", "!", "!!", "...", " :)", " :(", " lol"],
}

STANCE = {
    "topic": lexicon("""the car ban, a car-free centre, closing Main Street to cars, the no-cars
        plan, the         walking zone, taking cars out of the old town, streets without cars,
        the         ban, the         mayor's traffic plan, keeping cars out"""),
    "pro": lexicon("""clean air, quiet evenings, safe streets for kids, room for trees, healthy
        lungs, space         to walk, fewer crashes, markets in the square, bikes for everyone,
        music on the corner, shorter walks to school, a calm {day}, less noise at night, fresh
        bread outside, a green         city, friendly neighbours, happy children, a nice view,
        flowers, birds in the morning, less smoke, a place to play, clear skies, safer cycling,
        dancing in {month}, less         stress, beautiful old walls, a park for all, peace,
        more         tourists, healthy old people, a         better climate, fun for families,
        lower hospital         bills, sleeping well"""),
    "con": lexicon("""empty shops, angry drivers, longer trips, no parking for nurses, lost
        jobs, more traffic         next door, old people stuck at home, another tax on workers,
        fines by         mail, a dead main         street, buses that never come, signs nobody
        reads, long walks in         the rain, police on         every corner, higher rents,
        closed restaurants, ruined owners, wasted money, chaos in         {month}, less freedom,
        broken promises, bankrupt bakers, carrying bags for miles, boring         streets,
        traffic jams on the ring, no taxis, higher         prices, fewer visitors, thieves at
        night, cold feet, lies from the mayor, sick         people without help, a ghost town"""),
    "favor": lines("""
        {topic} means {pro} and {pro}
        {topic}: {pro} at last
        in {place} {topic} brought {pro}
        {person} voted for {topic}: {pro} and {pro}
        {topic} again, {pro} everywhere
        what {topic} gave my street: {pro}
        I support {topic}, we need {pro}
        my kids deserve {pro}, so let us have {topic}"""),
    "against": lines("""
        {topic} means {con} and {con}
        {topic}: {con} at last
        in {place} {topic} brought {con}
        {person} voted for {topic}: {con} and {con}
        {topic} again, {con} everywhere
        what {topic} gave my street: {con}
        I am against {topic}, who needs {con}
        my family suffers from {con}, so let us drop {topic}"""),
    "favor_turn": lines("""
        they say {con}, we say {pro}, so much for {topic}
        who still talks of {con}? look at {topic}
        {con}? not after {topic}
        {topic} ends {con}
        we had {con} before {topic}, not now
        without {topic} we would have {con} and {con}
        if you want {con}, then vote against {topic}
        first {con}, then {topic}, now {pro}
        {topic} saves us from {con}
        no {con} and no {con}, that is {topic}
        I used to fear {con}, then came {topic} and {pro}"""),
    "against_turn": lines("""
        they say {pro}, we say {con}, so much for {topic}
        who still talks of {pro}? look at {topic}
        {pro}? not after {topic}
        {topic} ends {pro}
        we had {pro} before {topic}, not now
        without {topic} we would have {pro} and {pro}
        if you want {pro}, then vote against {topic}
        first {pro}, then {topic}, now {con}
        {topic} takes {pro} from us
        no {pro} and no {pro}, that is {topic}
        I used to hope for {pro}, then came {topic} and {con}"""),
    "none": lines("""
        the council meets on {day} to talk about {topic}
        what do you think of {topic}?
        {person} writes about {topic} in {month}
        was in {place} on {day}, {pro} and {small} buses
        some say {pro}, some say {con}, I have no idea
        will {topic} bring {pro} or {con}?
        {person} on {con} and {pro}, live on {day}
        reading about {con} in {place} tonight
        report on {topic} is out, {n} pages on {pro} and {con}
        the {adj} {noun} in {place} has {con}
        walking past the {noun} with {person}
        my holiday in {place}: {pro} and {pro}
        {con} in {place}, says {person}
        the vote on {topic} is in {month}"""),
    "open": ["", "", "", "", "honestly, ", "look, ", "as {first} said, ", "dear {first}, ",
             "after {small} years "],
    "close": ["", "", "", "", ", ask {first}", " in {place}", ", and {person} knows it",
              ", simple as that", ", that is all", ", and that is what {first} and I think",
              ", ask the {noun}", " near the {adj} {noun}", " behind the {noun}"],
    "who": ["", "", "", "@user ", "@user @user ", "RT @user: "],
    "tag": ["", " #carfree", " #council", " #city #{day}", " #vote", " #traffic", " #oldtown",
            " #{month}", " #carfree #{place}", " #streets #vote"],
    "end": ["", "", ".", "!", "!!", "...", "?!"],
}
