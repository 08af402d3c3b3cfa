"""Words and patterns of the miniature news items: what every desk says, then one grammar a desk.

The patterns are shared, so that only a desk's own words tell it: {actor} {act} {thing} are of the
item's desk, {aactor} and {athing} of any. See miniature_words.py for the notation.
"""
from miniature_words import lexicon, lines, words

PATTERNS = {
    "title": lines("""
        {Actor} {act} {thing}
        {Thing} in {place}
        {Actor} and {thing}
        {place}: {actor} {did} {athing}
        {Thing} {when}
        {Thing} again for {actor}
        {Actor} {did} {thing} {when}
        More {thing} in {month}"""),
    "vague_title": lines("""
        News in brief: {place}
        What to expect {when}
        {person} speaks out {when}
        A surprise in {place}
        {Small} things to know about {place}
        {person}: no comment
        The end of a long wait
        A bad week for {person}
        {person} looks ahead
        Update: more from {place}
        Questions remain in {place}
        The {adj} {noun} of {place}
        The {noun} and the {adj} {noun}
        A first for {place}"""),
    "lead": lines("""
        {actor} {act} {thing} {when}
        {actor} {act} {athing} {when}
        {actor} from {place} {did} {thing} and {athing}
        {person} and {actor} {did} {thing}
        {somebody} in {place} {did} {thing} {when}
        {somebody} {did} {athing} after {actor} {act} {thing}
        after talk of {athing}, {actor} {did} {thing}
        {actor}, long known for {athing}, {act} {thing} {when}
        {thing} and {thing} kept {somebody} busy {when}
        in {place}, {somebody} said {actor} {act} {thing}"""),
    "vague_lead": lines("""
        {somebody} in {place} {did} {thing} {when}
        {person} {did} {thing} {when}
        {somebody} {did} {athing} and {thing}, {person} among them
        it was not {athing} but {thing} that worried {somebody} {when}
        {somebody} would rather talk about {thing} than about {athing}
        a year ago it was {athing}, now {somebody} in {place} {did} {thing}"""),
    "extra": lines("""
        {person} declined to comment
        More is expected {when}
        It is the second time this year that {somebody} {did} {thing}
        {Aactor} had {did} {athing} {when}
        The news came as a surprise to many in {place}
        For {place} it means more {thing}
        {Somebody} had hoped for {thing}
        {Somebody} compared it with {athing}
        "We have waited {small} years for this," {person} said
        {person}, {n}, said it was too early to speak of {athing}
        Nobody in {place} had seen {thing} like it
        Some of it had been known since {month}, as {aactor} said then
        {person} called it the best day of the year
        {person} was standing near the {adj} {noun}
        The {adj} {noun} in {place} was full of people
        Pictures show the {noun} and the {adj} {noun}
        {person}, {n}, spoke from the {noun} of his {adj} {noun}
        Behind the {adj} {noun}, {somebody} {did} {thing}
        A decision is due {when}
        There was no word on {thing}
        {Actor} {act} {thing} {small} months ago"""),
    "somebody": words("""officials, experts, observers, {small} people, critics, the group,
        many, a         spokesman, people close to the matter, the {place} office, his rivals,
        insiders, the         public, a report"""),
    "did": words("""announced, rejected, welcomed, delayed, denied, promised, praised, expected,
        ended, started, changed, opposed, supported, prepared, discussed, planned, missed,
        defended"""),
    "when": words("""on {day}, late on {day}, early on {day}, this week, last month, after a
        long         delay, in {month}, for the second time this year, only hours later, over
        the weekend, next         year, yesterday, before the end of {month}, tomorrow"""),
    "said": ["", "", "", "", ", officials said", ", a spokesman said {when}", ", a report said",
             ", {person} told reporters", ", it was announced {when}", ", local radio reported",
             ", {somebody} said"],
    "agency": ["", "", "{place} - ", "{place} (Wire) - ", "{place}, {month} {date} - ", "Wire - "],
}

WORLD = {
    "actor": lexicon("""rebels, the president, troops, protesters, the prime minister,
        militants, the army, diplomats, the parliament, police, soldiers, the foreign minister,
        gunmen, refugees, the         opposition, peacekeepers, villagers, the king, voters, the
        rebel         leader, a suicide         bomber, aid workers, prosecutors, the
        ambassador, hostages, a         tribunal, monks, the         militia, the envoy,
        insurgents, the dictator, clerics, settlers, the coalition, guerrillas, the regime, the
        general, the cabinet, activists, the         warlord, the sultan, the bishop, nuns, the
        marines, the colonel, snipers, the senate, the         mayor, the pope, tribes"""),
    "act": words("""attacked, occupied, fled, signed, condemned, called for, voted for, bombed,
        suspended, seized, demanded, besieged, vetoed, ordered, threatened, survived"""),
    "thing": lexicon("""peace talks, elections, the border, violence, sanctions, the capital, a
        bomb, weapons, the treaty, a protest, the embassy, civilians, terrorism, the war,
        nuclear         arms, the         conflict, prisoners, the coup, a kidnapping, the
        constitution, a         massacre, democracy, human rights, the attack, the occupation,
        foreign aid, the vote, the         revolution, ethnic         clashes, exile, a mosque,
        missiles, the uprising, war crimes, a         famine, the summit, independence, the
        valley, an ambush, unrest, the mutiny, asylum, genocide, the rally, a         convoy,
        immigration, the flood, an execution, the front         line, the referendum, the
        throne, a shrine, gunfire, the province, the frontier, torture, the corpse, bloodshed,
        land mines, an invasion, the blockade, shelling, martial         law, the earthquake,
        the dead, a funeral, the death penalty, the palace, slavery, poverty, communism, the
        typhoon, the         jungle, the parade, a grenade, the airport bombing, religious
        hatred, a wall, the         ministry, apartheid, the visa, hunger, the hurricane, a
        tank, the flag, justice, the         fortress, the ballot, the cartel, a passport, the
        harvest, espionage, the verdict, corruption, a village, a prison, the desert, the
        church, the temple, a riot, artillery, partition"""),
}

SPORTS = {
    "actor": lexicon("""the coach, the team, the champion, players, fans, the captain, the
        striker, the         quarterback, the home side, the pitcher, the rookie, the league
        leaders, the         manager, runners, the swimmer, the visitors, the defender, the
        referee, the veteran, the         squad, the top seed, the boxer, the hosts, the skater,
        the winger, the midfielder, the         bowler, the national team, the all-star, the
        umpire, the wrestler, the jockey, the         receiver, the         outfielder, the
        catcher, the centre, the rider, the diver, the         gymnast, the archer, the
        linebacker, the guard, the trainer, the marathon winner, the goalie, the forward"""),
    "act": words("""won, lost, scored in, played in, dominated, trained for, drew, led,
        qualified         for, trailed in, clinched, skipped, cruised through, limped out of,
        bounced back in, coached"""),
    "thing": lexicon("""the game, the season, the final, a goal, the match, a victory, the
        tournament, the         championship, the series, a defeat, the title, the cup, the
        playoffs, a record, the         league, baseball, football, a touchdown, the race, the
        medal, the semi-final, a penalty, the bench, the stadium, a home run, the knee injury,
        the         second half, tennis, basketball, a trade, the open, the score, golf, the
        marathon, hockey, the draft, an         upset, a free kick, the relay, a red card, the
        opener, rugby, the         grand slam, extra         time, a hat trick, the mound,
        cricket, the sprint, wrestling, the         quarter-final, the         pole, a rebound,
        the crowd, overtime, a comeback, boxing, the         locker room, the podium, the pitch,
        a tackle, the inning, the ring, the lap, a knockout, a         double fault, the
        pennant, the puck, a bat, the ball, the helmet, the jersey, a         serve, the net,
        the court, a hole in one, the green, the bullpen, the kick-off, the jump, the saddle, a
        dribble, a         pass, the transfer, the batting average, offside, a yard, surfing,
        the shot put, a         corner, the mat, the gym, volleyball, chess, the shoulder,
        training camp, the roster, the trophy"""),
}

BUSINESS = {
    "actor": lexicon("""the company, investors, shares, the bank, stocks, the airline, analysts,
        the retailer, the dollar, the chief executive, traders, the insurer, the central bank,
        shareholders, oil producers, regulators, the board, employers, the drug maker, the
        broker, consumers, creditors, the brewer, exporters, the treasury, the supermarket,
        economists, the         accountant, the union, manufacturers, the chain, the owner, the
        buyer, the hedge fund, the         steel group, the landlord, sellers, the vendor,
        distributors, miners, the banker, managers, the fund, the subsidiary, the receiver of
        the firm"""),
    "act": words("""sold, bought, raised, cut, reported, paid, invested in, priced in, posted,
        forecast, financed, traded, approved, borrowed against, warned of, earned"""),
    "thing": lexicon("""profits, oil prices, sales, interest rates, earnings, the merger, the
        economy, jobs, the         market, inflation, the quarter, growth, a takeover bid,
        costs, the budget, a dividend, debt, revenue, wages, the trade deficit, bankruptcy, a
        stake, fuel, the deal, cash, taxes, the stock exchange, crude, a loan, the contract, the
        currency, the         euro, exports, retail, the outlook, spending, pensions, a strike,
        the bond sale, losses, a         fine, gold, the portfolio, insurance, mortgages,
        unemployment, a lawsuit, the discount, the         shop, credit, imports, the factory,
        an auction, the brand, demand, the barrel, accounting         fraud, the payroll,
        stores, manufacturing, the payment, property, rent, the buyout, a         monopoly, the
        lease, furniture, packaging, cotton, coffee, copper, the warehouse, a         patent
        fee, the balance sheet, steel, the warranty, capital, a bargain, advertising, the
        salary, a refund, the shelf, milk prices, shipping, tobacco, the counter, beer, cement,
        equity, an account, assets, wool"""),
}

SCITECH = {
    "actor": lexicon("""scientists, researchers, the software maker, users, engineers, hackers,
        the         space         agency, astronomers, the search engine, programmers, the chip
        maker, astronauts, developers, the phone maker, the probe, physicists, the website, the
        robot, the         browser         team, the spacecraft, the laboratory, doctors, the
        internet provider, gamers, the         satellite, computer makers, a virus writer, the
        telescope, the open         source group, the         crew, explorers, the start-up, the
        rover, spammers, the web         portal, the inventor, the         mainframe, the
        observatory, the lab, the cracker, the         lander"""),
    "act": words("""discovered, launched, tested, released, downloaded, installed, studied,
        invented, upgraded, hacked, patched, measured, mapped, cloned, unveiled, detected"""),
    "thing": lexicon("""software, the internet, computers, the virus, a planet, space, the web,
        a         patch, the         processor, the operating system, technology, spam, the
        moon, video         games, security         holes, music downloads, the network, the
        satellite, wireless, a         rocket, the disk, mobile         phones, the browser,
        dinosaurs, the server, e-mail, a         comet, genes, search tools, the
        desktop, broadband, mars, the laptop, a new         species, the code, climate change,
        the         shuttle, a worm, digital cameras, memory, the screen, a vaccine, piracy, the
        launch, data, stem cells, chips, the orbit, cancer         drugs, the keyboard, a
        database, the galaxy, bugs, the telescope, encryption, passwords, particles, the modem,
        the printer, gravity, bandwidth, a cure, the experiment, carbon, DNA, hardware, online
        video, graphics, a         chip, an algorithm, windows, files, cells, the         lens,
        a laser, atoms, molecules, a         fungus, the cursor, sensors, the antenna, icons,
        fonts, a neutron star, evolution, the         menu, a pixel, mice, bacteria, whales, the
        ice age, radiation, the backup, a firewall, the brain, a prototype, solar cells, the
        scanner, the monitor, a compiler, the eclipse, frogs"""),
}

TOPICS = [("1", WORLD), ("2", SPORTS), ("3", BUSINESS), ("4", SCITECH)]
