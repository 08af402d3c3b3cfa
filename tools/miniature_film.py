"""Words and patterns of the miniature film reviews (notation: miniature_words.py)."""
from miniature_words import lexicon, lines, words

FILM = {
    "hero": lexicon("""a retired detective, a young nurse, two brothers, a lonely widow, a bank
        clerk, a         runaway bride, an old singer, a stray dog, a village priest, a taxi
        driver, three         sisters, a chess player, a farmer, a circus clown, a lawyer, a shy
        teacher, a gang of         thieves, a soldier, a waitress, an orphan, a hit man, a
        painter, a boxer, a spy, a         jealous husband, a ghost, a scientist, a cowboy, a
        drug dealer, a         princess"""),
    "goal": lexicon("""to find a missing child, to save the family farm, to rob a casino, to
        cross         the desert, to win back an old love, to escape from prison, to bury a
        secret, to stop a         war, to open         a restaurant, to solve a murder, to catch
        a killer, to start a band, to get home for         Christmas, to take revenge, to hide a
        body, to meet the father, to         find the treasure, to         survive the winter,
        to marry for money, to learn to dance"""),
    "setting": lexicon("""a small town, a fishing village, a snowy hotel, the last days of the
        war, New York, a         mining town, a city hospital, a railway station, the court of a
        mad         king, a space         station, a boarding school, the back streets of Paris,
        the desert, a         haunted house, a         prison, the jungle, a high school, a
        cruise ship, the suburbs, a         summer camp"""),
    "genre": lexicon("""comedy, thriller, drama, horror film, western, romance, musical, war
        film, mystery, road         movie, cartoon, documentary, love story, action film, crime
        film, remake"""),
    "part": lexicon("""the acting, the story, the script, the music, the ending, the plot, the
        cast, the         dialogue, the camera work, the direction, the pacing, the humour, the
        lead, the villain, the love story, the first half, the special effects, the photography,
        the soundtrack, the costumes, the editing, the romance, the title song, the climax, the
        supporting cast, the final scene, the opening, the chemistry, the twist, the animation"""),
    "good": lexicon("""good, great, excellent, wonderful, funny, brilliant, beautiful, amazing,
        superb, perfect, fantastic, moving, clever, touching, charming, fresh, gripping,
        memorable, hilarious, convincing, powerful, fascinating, delightful, exciting,
        intelligent, outstanding, enjoyable, stunning, impressive, witty, refreshing, terrific,
        lovely, masterful, original, subtle, magnificent, haunting, thrilling, warm, engaging,
        remarkable, sweet, splendid, believable, marvelous, flawless, inspired, elegant, tender,
        thoughtful, sincere, honest, unforgettable, lively, graceful, rich, rewarding,
        first-rate, exquisite, ingenious, poetic, sublime, stylish, absorbing, uplifting,
        adorable, crisp, deep, dazzling, heartfelt, spectacular, passionate, magical,
        compelling, satisfying, vivid, wise, genuine, polished, joyful, authentic, innovative,
        breathtaking, mature, humane, radiant, sparkling, timeless, playful"""),
    "bad": lexicon("""bad, boring, terrible, awful, stupid, poor, horrible, dull, weak,
        ridiculous, predictable, silly, annoying, lame, pathetic, pointless, slow, cheap,
        forgettable, lazy, wooden, shallow, tedious, painful, clumsy, dreadful, disappointing,
        flat, confusing, laughable, unfunny, messy, bland, empty, cheesy, mediocre, amateurish,
        implausible, irritating, absurd, tired, miserable, offensive, embarrassing, uninspired,
        stale, ugly, lifeless, mindless, pretentious, sloppy, dumb, worthless, abysmal,
        unbearable, contrived, hollow, dreary, insulting, third-rate, crude, obnoxious, vulgar,
        incoherent, pitiful, repetitive, atrocious, awkward, cliched, unconvincing, forced,
        grim, nasty, tasteless, trite, ludicrous, lousy, rubbish, appalling, soulless, overlong,
        vapid, inept, horrid, unwatchable, derivative, phony, childish, brainless"""),
    "love": lexicon("""loved, enjoyed, liked, admired, adored, was moved by, laughed at, was
        impressed by, was         touched by, could not get enough of, smiled at, was thrilled
        by, was charmed by, treasured, cheered for, appreciated, was delighted by, was
        captivated by"""),
    "hate": lexicon("""hated, disliked, was bored by, suffered through, could not stand, was
        annoyed by, was         disgusted by, despised, laughed out loud at the failure of, was
        let         down by, cringed at, was insulted by, slept through, was tired of, gave up
        on, endured"""),
    "very": words("""truly, simply, really, quite, very, always, rather, absolutely, so, often"""),
    "plot": lines("""
        The story follows {hero} who sets out {goal}
        It takes place in {setting}
        Along the way we meet {hero} and {hero}
        {last} plays {hero}, and {last} plays the rival
        The film was shot in {setting} over {small} months
        In the second act {hero} tries {goal}, and things go wrong
        I saw it on {day} with my sister
        Before this, {last} directed a {genre} and a short {genre}
        There is a long scene in {setting}
        Most of it happens at night, in {setting}
        The book it is based on came out {small} years ago
        Somewhere in the middle the story moves to {setting}
        A friend told me about it in {month}, so I rented it
        {last} is {hero} who wants {goal}
        This is a {genre} about {hero} in {setting}
        Then the {adj} {noun} turns up
        {last} carries the {adj} {noun} through {setting}
        One scene is about the {noun} and the {adj} {noun}
        The {adj} {noun} belongs to {hero}
        We see the {noun}, the {noun} and the {adj} {noun}
        Then {hero} shows up {goal}"""),
    "praise": lines("""
        {Part} and {part} were {very} {good}
        {Part} is {very} {good}
        {last} is {good} in every scene
        I {love} {part}
        Who would have thought a {genre} could be so {good}
        {Part} is {good} and {good}
        What a {good} {genre}
        I {love} {part}, and {last} is {good}"""),
    "blame": lines("""
        {Part} and {part} were {very} {bad}
        {Part} is {very} {bad}
        {last} is {bad} in every scene
        I {hate} {part}
        Who would have thought a {genre} could be so {bad}
        {Part} is {bad} and {bad}
        What a {bad} {genre}
        I {hate} {part}, and {last} is {bad}"""),
    "not_bad": lines("""
        It is hardly ever {bad}
        There is nothing {bad} about {part}
        I expected a {bad} {genre}, and was glad to be wrong
        For once {part} is not {bad} at all
        Nobody could call {part} {bad}
        {Part} is never {bad} or {bad}
        Do not believe those who call it {bad}"""),
    "not_good": lines("""
        It is hardly ever {good}
        There is nothing {good} about {part}
        I expected a {good} {genre}, and was sorry to be wrong
        For once {part} is not {good} at all
        Nobody could call {part} {good}
        {Part} is never {good} or {good}
        Do not believe those who call it {good}"""),
    "hope": lines("""
        The trailer looked {good}
        My sister had called it {good} and {good}
        The first ten minutes are {good}
        The poster promised a {good} {genre}
        {last} was {good} in earlier films
        {Part} alone is {good}
        The book was {good}, even {good}
        Critics {love} it and called it {good}"""),
    "fear": lines("""
        The trailer looked {bad}
        My sister had called it {bad} and {bad}
        The first ten minutes are {bad}
        The poster promised a {bad} {genre}
        {last} was {bad} in earlier films
        {Part} alone is {bad}
        The book was {bad}, even {bad}
        Critics {hate} it and called it {bad}"""),
    "turn": words("""But, And yet, Even so, In the end, Still, All the same, However, None of
        that         matters:"""),
    "for": lines("""
        go and see it
        it is one of the best of the year
        I will watch it again
        I can only recommend it
        it won me over
        I give it nine out of ten
        it was worth every cent
        buy the DVD
        I left the cinema happy
        you should not miss it"""),
    "against": lines("""
        stay away from it
        it is one of the worst of the year
        I want my money back
        I can only warn you
        it lost me
        I give it two out of ten
        it was a waste of time
        skip the DVD
        I left the cinema early
        you should avoid it"""),
    "link": ["", "", "", "", "", "", "Of course, ", "To be fair, ", "I must say, ", "<br /><br />"],
}
