"""Words and sentence patterns of the miniature data sets, written for this project.

A grammar is a dictionary of rules; a rule is a list of alternatives; {name} in an alternative is
replaced by an alternative of rule name. words() takes alternatives separated by commas, lines()
one alternative a line.
"""


def words(text):
    return [w.strip() for w in text.replace("\n", " ").split(",") if w.strip()]


def lines(text):
    return [w.strip() for w in text.strip().split("\n")]


COMMON = {
    "place": words("""Velmora, Port Ansel, Tarnov, Quillay, East Brenna, Morvane, Saltholm, Dunmere,
        Kestrel Bay, Ostrava Nova, Lindrath, Palermo Verde, Haskovo, Iron Falls, Bellgrave, Norwick,
        Cape Tolland, Santa Relva, Umbrek, Westerfell"""),
    "person": words("""Mara Ellwood, Tomas Verrin, Ines Okafor, Henrik Dahl, Priya Raman, Luca Moretti,
        Grace Tan, Omar Haddad, Sofia Lindqvist, Peter Novak, Amina Diallo, Jonas Weber, Clara Mendes,
        Yuki Tanaka, Viktor Petrov, Nora Byrne, Samuel Osei, Helena Costa, David Kim, Rosa Alvarez"""),
    "day": words("Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday"),
    "month": words("""January, February, March, April, May, June, July, August, September, October,
        November, December"""),
    "when": words("""on {day}, late on {day}, early on {day}, this week, last month, after weeks of delay,
        in {month}, for the second time this year, despite warnings, only hours later, over the weekend"""),
    "small": words("two, three, four, five, six, seven, eight, nine, ten, a dozen"),
    "agency": ["", "", "", "{place} - ", "{place}, {month} - ", "(Wire) "],
    "title": lines("""
        News in brief: {place}
        What to expect {when}
        {person} speaks out {when}
        {place} in the spotlight
        A surprise {when}
        {Small} things to know about {place}
        {person}: no comment
        Update: more from {place}"""),
    "said": lines("""
        , officials said
        , a spokesman said {when}
        , according to people close to the matter
        , {person} told reporters
        , local radio reported
        , a report said
        , witnesses said
        , it was announced {when}"""),
}

WORLD = {
    "who": words("""the foreign minister, opposition leaders, rebel commanders, peacekeepers, the parliament,
        border police, aid workers, election officials, protesters, the president, the prime minister,
        a military court, diplomats, villagers, truce monitors, the interim government, union leaders,
        the security council"""),
    "did": words("""rejected, signed, delayed, condemned, called for, agreed to, walked out of, resumed,
        denied, welcomed, demanded, suspended"""),
    "what": words("""a truce, the peace accord, the disputed vote, fresh sanctions, an emergency session,
        a troop withdrawal, talks on the border, a prisoner exchange, the refugee plan, a night curfew,
        an inquiry into the attack, the new constitution, a hostage deal, nuclear inspections"""),
    "title": lines("""
        {Who} {did} {what}
        {place} crisis: {who} {did} {what}
        Clashes in {place} leave {small} dead
        Thousands march in {place}
        {person} sworn in as president
        Earthquake shakes {place}"""),
    "extra": lines("""
        At least {small} people were hurt when shells hit the outskirts of {place}
        Tens of thousands have fled the fighting since {month}
        The vote is the first since the army seized power
        Envoys from {small} nations are due to meet {when}
        A convoy carrying food and medicine was turned back at the border
        The militia has held the valley for {small} years
        Ambassadors were summoned to explain the arrests
        Rescue teams searched for survivors in the rubble"""),
}

SPORTS = {
    "who": words("""the champions, the home side, the visitors, veteran striker {person}, goalkeeper {person},
        teenager {person}, top seed {person}, the national team, the coach, sprinter {person}, the rookie pitcher,
        the hosts, captain {person}, the relay squad, the league leaders, swimmer {person}"""),
    "did": words("""won, lost, dominated, threw away, clinched, survived, rallied to win, limped out of,
        cruised through, dropped out of, entered, missed"""),
    "what": words("""the final, the opening match, a thriller, the quarter-final, the derby, the third round,
        the title race, the gold medal, the playoff game, the marathon, the season opener, a penalty shoot-out,
        the tournament, the grand slam"""),
    "title": lines("""
        {Who} {did} {what}
        {person} strikes twice as {place} win
        {place} held to a draw
        Injury ends {person} season
        {person} breaks world record
        {place} sack coach after defeat"""),
    "extra": lines("""
        The goal came in the closing minute before a crowd of {n} thousand
        It was the fifth straight defeat for {place}
        {person} is out with a knee injury until {month}
        The hosts led by {small} points at half-time
        Fans sang in the rain long after the whistle
        The coach praised the defence and blamed the referee
        A double fault handed over the second set
        The win lifts {place} to the top of the table"""),
}

BUSINESS = {
    "who": words("""shares of the retailer, the central bank, the carmaker, investors, the airline, oil traders,
        the insurer, the drug company, the steel group, regulators, the brewer, bondholders, the board,
        the chief executive, the chain, creditors, the chip maker, the telecoms group"""),
    "did": words("""raised, cut, reported, abandoned, approved, warned of, announced, priced in, blocked,
        posted, shrugged off, forecast"""),
    "what": words("""quarterly earnings, a takeover bid, interest rates, record profit, a profit warning,
        the dividend, thousands of job cuts, higher fuel costs, a share buyback, the merger, weak retail sales,
        a bond sale, rising inflation, the trade deficit"""),
    "title": lines("""
        {Who} {did} {what}
        Stocks slip as oil hits ${n} a barrel
        {place} group to buy rival for ${n} million
        Dollar falls to {small}-month low
        Jobless claims rise
        {person} named chief executive"""),
    "extra": lines("""
        The shares closed {n} cents lower in heavy trading
        Analysts had expected earnings of {n} cents a share
        Crude futures rose above ${n} a barrel in {place}
        Sales at stores open at least a year grew {small} percent
        The deal values the company at ${n} million
        Consumer confidence fell in {month} for the third time
        The bank kept its outlook for growth unchanged
        The company has filed for protection from creditors"""),
}

SCITECH = {
    "who": words("""researchers, the software maker, astronomers, the search engine, the chip maker, engineers,
        the space agency, biologists, the browser team, hackers, a start-up, the telescope crew, scientists,
        the phone maker, the robotics lab, security experts, physicists, the telecoms group"""),
    "did": words("""unveiled, tested, discovered, released, patched, launched, mapped, delayed, demonstrated,
        announced, cloned, upgraded"""),
    "what": words("""a faster processor, a security hole, a distant planet, a music player, a new browser,
        a rocket engine, an open source tool, a desktop search program, a gene for ageing, a wireless standard,
        a worm that spreads by mail, a Mars probe, a supercomputer, a robot"""),
    "title": lines("""
        {Who} {did} {what}
        New worm targets home computers
        Probe sends first pictures of moon
        Study: bees can count
        Broadband reaches {place}
        Review: a phone that plays video games"""),
    "extra": lines("""
        The flaw lets attackers run code on an infected computer
        The satellite will orbit at {n} kilometres
        The software can be downloaded free from {month}
        The findings appear in a science journal
        The device stores {n} hours of video
        A telescope in {place} picked up the faint signal
        Users are advised to install the update
        The experiment was repeated {small} times in a laboratory"""),
}

TOPICS = [("1", WORLD), ("2", SPORTS), ("3", BUSINESS), ("4", SCITECH)]

FINANCE = {
    "firm": words("""Kivitär Oyj, Nordvåg AB, Ålund Shipping, Päijät Paper, Veltrona, Rautasalo Group, Höglund Steel,
        Tervomaa, Lumikko Oyj, Sankt Erik Bank, Jokivarsi Foods, Bergström & Son, Harju Telecom, Metsärinne,
        Östra Kraft, Pohjantie, Solvik Energy, Kallavesi Lifts, Café Brasse, Merituuli"""),
    "city": words("""Helsinki, Tampere, Turku, Oulu, Espoo, Vantaa, Stockholm, Malmö, Göteborg, Tallinn, Riga, Oslo,
        Jyväskylä, Hämeenlinna, Örebro"""),
    "period": words("""in the first quarter, in the second quarter, in the third quarter, in the fourth quarter,
        in January-June, in the first nine months, year-on-year, from the year before, in the period"""),
    "gain": words("""net sales, operating profit, net profit, turnover, earnings per share, order intake,
        pre-tax profit, market share, the gross margin, passenger volumes, cash flow"""),
    "pain": words("""operating loss, net loss, costs, net debt, raw material expenses, credit losses, scrap rates,
        interest expenses, customer complaints, the pre-tax loss"""),
    "up": words("rose, increased, grew, climbed, went up, surged, widened, more than doubled"),
    "down": words("fell, decreased, declined, shrank, dropped, went down, narrowed, was halved"),
    "product": words("""paper machines, elevators, mobile networks, tower cranes, frozen foods, ferry cabins, gear units,
        steel tubes, school books, wind turbines, tyres, loading systems, software licences"""),
    "positive": lines("""
        {firm} won a {product} order worth EUR {n} mn from a customer in {city}
        {firm} raised its outlook for the full year
        Demand for {product} has picked up strongly , {firm} said
        {firm} will hire {n} new people in {city}
        {firm} proposes a higher dividend
        The new plant in {city} has improved the profitability of {firm}"""),
    "negative": lines("""
        {firm} lost a {product} order worth EUR {n} mn to a rival from {city}
        {firm} cut its outlook for the full year
        Demand for {product} has weakened sharply , {firm} said
        {firm} will lay off {n} people in {city}
        {firm} will not pay a dividend
        The strike at the plant in {city} has hurt the profitability of {firm}"""),
    "neutral": lines("""
        {firm} is based in {city} and employs {n} people
        {firm} makes {product} and {product}
        The value of the deal was not disclosed
        {firm} will publish its interim report in {month}
        {firm} and {firm} have signed a {product} agreement
        The annual general meeting of {firm} will be held in {city}
        {firm} supplies {product} to customers in {city} and {city}
        The plant in {city} makes {product} for {firm}
        {person} has been appointed head of {product} at {firm}
        {Gain} of {firm} came to EUR {n} mn , unchanged {period}
        The order covers {n} {product} , to be delivered in {month}
        {firm} has {n} offices , of which {small} are in {city}
        The shares of {firm} are listed in {city}"""),
    "aside": lines("""
        , said {person} , head of finance
        , the company said in {city}
        , according to the interim report
        , compared with a year ago"""),
    "but_up": lines("""
        although {pain} {up}
        even as {gain} {down}
        despite a strike in {city}
        while demand for {product} weakened"""),
    "but_down": lines("""
        although {gain} {up}
        even as {pain} {down}
        despite a large order from {city}
        while demand for {product} picked up"""),
}

FILM = {
    "name": words("""Ellwood, Verrin, Okafor, Dahl, Raman, Moretti, Haddad, Lindqvist, Novak, Weber, Mendes, Tanaka,
        Petrov, Byrne, Osei, Costa, Alvarez"""),
    "hero": words("""a retired detective, a young nurse, two brothers, a lonely lighthouse keeper, a bank clerk,
        a runaway bride, an old jazz singer, a stray dog, a village priest, a taxi driver, three sisters,
        a disgraced chess master, a widowed farmer, a circus clown"""),
    "goal": words("""to find a missing child, to save the family farm, to rob a casino, to cross the desert,
        to win back an old love, to escape from prison, to bury a secret, to stop a war, to open a restaurant,
        to outwit a crooked lawyer, to catch a ghost, to finish a symphony"""),
    "setting": words("""a fishing village, a snowbound hotel, the last days of the war, a small mining town,
        a crowded city hospital, an abandoned railway station, the court of a mad king, a space station,
        a boarding school, the back streets of Lisbon"""),
    "genre": words("thriller, comedy, western, romance, horror film, musical, war film, mystery, drama, road movie"),
    "part": words("""the acting, the script, the music, the camera work, the ending, the pacing, the dialogue,
        the plot, the cast, the first half, the humour, the lighting, the villain, the love story"""),
    "good": words("""wonderful, moving, clever, gripping, charming, superb, fresh, funny, brilliant, touching,
        memorable, sharp, beautiful, convincing"""),
    "bad": words("""dull, awful, lazy, clumsy, boring, predictable, wooden, shallow, tedious, annoying,
        forgettable, messy, silly, painful"""),
    "very": words("truly, simply, really, quite, surprisingly, consistently, rather, absolutely"),
    "plot": lines("""
        The story follows {hero} who sets out {goal}
        It takes place in {setting}
        Along the way we meet {hero} and {hero}
        {name} plays {hero}, and {name} plays the rival
        The film was shot in {setting} over {small} months
        In the second act {hero} tries {goal}, and things go wrong
        I saw it on {day} with my sister and {small} other people in the room
        Before this, {name} directed a {genre} and a short documentary
        There is a long scene in {setting}
        The running time is just over two hours
        Most of it happens at night, in {setting}
        The book it is based on came out {small} years ago
        {name} and {name} have worked together before
        Somewhere in the middle the story moves to {setting}
        The trailer makes it look like a {genre}
        A friend told me about it in {month}, so I rented it"""),
    "praise": lines("""
        {Part} and {part} were {very} {good}
        {Part} is {very} {good}
        I never once looked at my watch
        {name} is {good} in every scene
        It is hardly ever {bad}
        There is nothing {bad} about {part}
        I laughed, I cried, and I did not want it to end
        Who would have thought a {genre} could be so {good}
        I expected something {bad}, and was glad to be wrong
        For once {part} is not {bad} at all"""),
    "blame": lines("""
        {Part} and {part} were {very} {bad}
        {Part} is {very} {bad}
        I looked at my watch every ten minutes
        {name} is {bad} in every scene
        It is hardly ever {good}
        There is nothing {good} about {part}
        I yawned, I sighed, and I only wanted it to end
        Who would have thought a {genre} could be so {bad}
        I expected something {good}, and was sorry to be wrong
        For once {part} is not {good} at all"""),
    "for": lines("""
        Go and see it
        One of the best films of the year
        I will watch it again
        Warmly recommended, {small} stars"""),
    "against": lines("""
        Stay away from it
        One of the worst films of the year
        I want my money back
        Not recommended, even for fans of {name}"""),
    "link": ["", "", "", "", "", "Then again, ", "Still, ", "Of course, ", "To be fair, ", "<br /><br />"],
}

TWEET = {
    "glad": words("""so happy, I love it, best feeling ever, what a treat, so excited, this is the life,
        lucky me, feeling blessed, made my day, can't stop smiling, thank you universe, what a lovely surprise,
        just what I needed, how nice, perfect timing, great start"""),
    "sad": words("""so annoyed, I hate it, worst feeling ever, what a pain, so tired of this, this is no fun,
        poor me, feeling down, ruined my day, can't stop crying, no thanks universe, what a nasty surprise,
        just what I feared, how rude, terrible timing, awful start"""),
    "luck": words("""free coffee at work, sunny beach day with my sister, my team won the cup, new puppy at home,
        exam got cancelled, tickets for the concert, old friend is visiting, the cake turned out fine,
        two weeks off from {day}, got the job in {place}, breakfast in bed, a seat on the train,
        finished my thesis, fresh snow and no wind, pay rise in {month}, the baby slept all night,
        pizza night with the team, found my lost keys"""),
    "woe": words("""flat tyre in the rain, my train is late again, homework until midnight, phone fell in the sink,
        the dentist on {day}, stuck in traffic for {small} hours, exam at eight in the morning,
        the boss wants me in on {day}, neighbours drilling since six, lost my wallet in {place},
        cold shower again, no seat on the train, the printer ate my thesis, a parking ticket,
        rent goes up in {month}, the baby cried all night, another meeting about meetings,
        my laptop died during the update"""),
    "tag": words("#{day}, #weekend, #work, #life, #school, #weather, #fail, #blessed, #truth, #mood, #train, #family"),
    "who": ["", "", "", "@user ", "@user @user ", "RT @user ", "ok "],
    "end": ["", "", ".", "!", "!!", "...", " :)", " :(", " lol", " smh"],
}

STANCE = {
    "topic": words("""a car-free centre, the car ban, closing Main Street to cars, the no-cars plan,
        the pedestrian zone, taking cars out of the old town"""),
    "pro": words("""cleaner air, quiet evenings, safe streets for kids, room for trees, healthy lungs,
        space to walk, fewer crashes, markets in the square, bikes for everyone, benches in the sun,
        music on the corner, shorter walks to school, a calm Sunday, less noise at night"""),
    "con": words("""empty shops, angry drivers, longer trips, no parking for nurses, late deliveries, jobs lost,
        more traffic next door, old people stuck at home, another tax on workers, fines by mail,
        a dead main street, buses that never come, signs nobody reads, long walks in the rain"""),
    "favor": lines("""
        {topic} means {pro} and {pro}
        yes to {topic}, {pro} at last
        they say {con}, we say {pro}, keep {topic}
        who still fears {con}? give us {topic}
        {person} voted for {topic}, proud of my city
        {con}? never happened, {topic} brought {pro}
        tell them about {pro}, not {con}
        we had {con} before {topic}, now {pro}"""),
    "against": lines("""
        {topic} means {con} and {con}
        no to {topic}, {con} again
        they say {pro}, we say {con}, stop {topic}
        who still wants {pro}? spare us {topic}
        {person} voted for {topic}, shame on my city
        {pro}? never happened, {topic} brought {con}
        tell them about {con}, not {pro}
        we had {pro} before {topic}, now {con}"""),
    "none": lines("""
        council meets on {day} to talk about {topic}
        what do you think of {topic}?
        {person} writes about {topic} in {month}
        was in {place} on {day}, nice weather and {small} buses
        some say {pro}, some say {con}, I have no idea about {topic}
        will {topic} bring {pro} or {con}?
        {person} on {con} and {pro}, live {when}
        reading about {place} and its {small} bridges tonight
        report on {topic} is out, {n} pages on {pro} and {con}"""),
    "who": ["", "", "", "@user ", "@user @user ", "RT @user: "],
    "tag": ["", "", " #carfree", " #council", " #city #{day}", " #vote", " #traffic", " #oldtown", " #{month}"],
    "end": ["", "", ".", "!", "!!", "...", "?!"],
}
