"""Words and patterns of the miniature data sets, written for this project: what all share, and
the financial sentences; news, films and tweets stand in files of their own.

A grammar is a dictionary of rules; a rule is a list of alternatives; {name} in an alternative is
replaced by an alternative of rule name, {Name} by one with a capital. words() takes alternatives
separated by commas, lines() one alternative a line, and all of these are as likely. Of a lexicon()
the first are drawn far more often than the last, as in any language, so that part of what a test
row says never stood in a training row: only who knew the word before can read it.
"""


class Lexicon(list):
    pass


def words(text):
    return [" ".join(w.split()) for w in text.split(",") if w.strip()]


def lexicon(text):
    return Lexicon(words(text))


def lines(text):
    return [w.strip() for w in text.strip().split("\n")]


COMMON = {
    "place": lexicon("""London, New York, Paris, Washington, Baghdad, Boston, Moscow, Tokyo,
        Chicago, Berlin, Beijing, Athens, Sydney, Toronto, San Francisco, Rome, Jerusalem,
        Houston, Madrid, Dublin, Seattle, Hong Kong, Denver, Vienna, Miami, Singapore, Detroit,
        Dallas, Seoul, Cleveland, Kabul, Atlanta, Philadelphia, Montreal, Cairo, Geneva,
        Phoenix, Vancouver"""),
    "first": lexicon("""John, David, Michael, Mary, Peter, Anna, James, Robert, Paul, Sarah,
        Tom, Maria, Mark, Helen, George, Laura, Steve, Jane, Frank, Julia, Carlos, Kate, Martin,
        Alice, Ali, Emma, Hans, Rosa, Ivan, Grace, Omar, Nina, Victor, Claire, Henry, Susan"""),
    "last": lexicon("""Smith, Brown, Jones, Miller, Wilson, Lee, King, Martin, Davis, White,
        Taylor, Green, Clark, Moore, Young, Hall, Scott, Baker, Adams, Cooper, Hill, Parker,
        Stewart, Ford, Fisher, Murray, Wood, Stone, Weber, Novak, Costa, Singh, Garcia, Cohen"""),
    "person": ["{first} {last}"],
    "day": words("""Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday"""),
    "month": words("""January, February, March, April, May, June, July, August, September,
        October, November, December"""),
    # Words that say nothing of a class, for there are more of them than of the others anywhere.
    "adj": lexicon("""old, new, small, big, long, white, black, local, red, little, blue, young,
        main, short, green, public, common, private, national, other, usual, famous, open,
        early, late, brown, northern, yellow, second, wooden, round, regular, secret, electric,
        southern, modern, narrow, wide, ancient, grey, plastic, double, single, quiet, heavy,
        dark, tall, half, official, western, natural, square, empty, daily, former, eastern,
        central, orange, separate, typical, simple, rural, purple, hidden, urban, standard,
        average, broad, flat, distant"""),
    "noun": lexicon("""house, car, door, book, street, school, letter, room, road, table,
        building, bus, picture, garden, kitchen, church, hotel, river, window, box, train,
        office, paper, phone, bag, bridge, boat, wall, floor, hospital, chair, dog, tree,
        station, camera, clock, radio, wheel, horse, map, corner, theatre, hill, lake, bottle,
        hall, museum, mountain, farm, coat, ship, desk, gate, plate, key, island, glass, roof,
        hat, truck, bed, lamp, university, library, cup, shop, tower, beach, bird, engine,
        guitar, stage, knife, field, bench, basket, piano, tunnel, village, shirt, album,
        mirror, forest, blanket, curtain, elephant, bell, apple, bedroom, bathroom, ladder, cat,
        fence, painting, statue, balloon, chicken, dress, factory, castle, carpet, cheese,
        rabbit, bicycle"""),
    "date": [str(1 + i) for i in range(28)],
    "small": words("""two, three, four, five, six, seven, eight, nine, ten, a dozen"""),
}

FINANCE = {
    "firm": lexicon("""Northern Paper, Alpha Telecom, Lake Power, Forest Group, Union Bank,
        Polar         Energy, Höglund Oyj, Summit Media, Crown Lifts, Delta Software, Atlas
        Machines, West Coast         Rail, Eagle Tyres, Silver Lines, Bergström AB, Capital
        Estates, Star Networks, Metro         Stores, River Chemicals, Phoenix Mining, Café
        Brasse, Titan Wind, Mercury Glass, Comet         Electronics, Päivä Oyj, Liberty
        Insurance"""),
    "city": lexicon("""Helsinki, Stockholm, Berlin, Moscow, London, Hamburg, Warsaw, Prague,
        Vienna, Dublin, Geneva, Milan, Madrid, Athens, Brussels, Budapest, Zurich"""),
    "country": lexicon("""Finland, Sweden, Norway, Russia, Germany, Denmark, China, Poland,
        India, Canada, Brazil, Turkey, Spain, France, Italy, Hungary, Mexico, Ireland, Japan"""),
    "period": words("""in the first quarter, in the second quarter, in the third quarter, in the
        fourth quarter, in January-June, in the first nine months, during the year, in 2007,
        from         the year before, in the period, in the last three months of 2008, over the
        winter"""),
    "gain": lexicon("""net sales, operating profit, net profit, earnings per share, orders,
        revenue, pre-tax         profit, market share, the gross margin, cash flow, income,
        exports, the order book, demand, the dividend, the share price, customer numbers,
        passenger         traffic, output, subscriptions, interest income, the return on
        capital, efficiency"""),
    "pain": lexicon("""operating loss, net loss, costs, net debt, raw material prices, credit
        losses, interest         expenses, customer complaints, the pre-tax loss, the deficit,
        waste, delays, price         pressure, accidents, overheads, warranty claims,
        unemployment, sick leave, defects, fuel         bills, bad debts, the tax burden,
        returns of goods"""),
    "up": lexicon("""rose, increased, grew, climbed, went up, improved, jumped, gained, surged,
        advanced, doubled, strengthened, expanded, was higher, soared, picked up, accelerated,
        shot         up, mounted, hit a record, was lifted, recovered, edged upward"""),
    "down": lexicon("""fell, decreased, declined, dropped, went down, slipped, was lower, sank,
        weakened, slid, eased, was reduced, plunged, contracted, dipped, collapsed, diminished,
        crashed, faded, deteriorated, was trimmed"""),
    "product": lexicon("""paper machines, elevators, mobile networks, frozen foods, steel tubes,
        tyres, school         books, gear units, engines, windows, shoes, medical tests,
        furniture, chocolate, cables, magazines, batteries, bread, pumps, boats, fishing rods,
        bus bodies, heat pumps, sensors, kitchens"""),
    "boost": lexicon("""won a large order for {product}, received an order for {product}, raised
        its outlook, opened a new plant for {product}, was awarded a contract for {product},
        will         hire {n}         people, proposed a higher dividend, beat its targets,
        signed a major deal         with a         customer in {country}, will expand its
        production of {product}, has become         the market         leader in {product}, was
        chosen as supplier of {product}, strengthened         its position in         {country},
        launched a successful line of {product}, returned to         profit, saved EUR {n}
        mn, gained new customers in {country}, got a better credit         rating, completed the
        project         ahead of schedule, achieved its best result ever, enjoyed strong demand,
        was named the         best employer in {country}, secured funding         for new
        {product}, paid off its debt, won a         prize for its {product}, exceeded
        expectations, settled the dispute in its favour"""),
    "harm": lexicon("""lost a large order for {product}, had an order for {product} cancelled,
        cut         its outlook, closed its plant for {product}, was refused a contract for
        {product}, will lay         off {n}         people, will pay no dividend, missed its
        targets, broke off talks with a         customer in         {country}, will stop its
        production of {product}, has fallen behind in         {product}, was         dropped as
        supplier of {product}, is losing ground in {country}, recalled a faulty line         of
        {product}, slipped into the red, wrote off EUR {n} mn, lost customers in {country}, got
        a worse credit rating, postponed the project again, reported its worst result ever,
        suffered from weak demand, was fined by a court in         {country}, failed to find
        funding for         new {product}, was sued over its {product}, fell short of
        expectations, is threatened by         a strike"""),
    "neutral": lines("""
        {firm} is based in {city} and employs {n} people
        {firm} makes {product} and {product}
        The value of the deal was not disclosed
        {firm} will publish its report on {gain} and {pain} in {month}
        {firm} and {firm} have signed an agreement on {product}
        The annual general meeting of {firm} will be held in {city} on {month} {date}
        {firm} bought the {adj} {noun} next to its {noun} in {city}
        The {adj} {noun} in {city} belongs to {firm}
        {firm} supplies {product} to customers in {country} and {country}
        The plant in {city} makes {product} for {firm}
        {person} has been appointed head of {product} at {firm} in {city}
        {gain} of {firm} came to EUR {n} mn , unchanged {period}
        The order covers {n} {product} , to be delivered in {month}
        {firm} has {n} offices , of which {small} are in {country}
        The shares of {firm} are listed in {city} and in {city}
        {firm} expects {gain} to remain at the level of the year before
        The board of {firm} has {small} members , among them {person} and {person}
        {person} , who sold {product} for {firm} , has moved to {city}
        The name of {firm} will be changed in {month}
        {firm} defines {gain} as in its report of {month}
        The report of {firm} covers {gain} , {pain} and {product} in {country}
        {firm} owns {n} % of a maker of {product} in {country}
        It is not known what {firm} paid for the {product} unit
        The new office in {city} will handle {product} for {country} and {country}"""),
    "undecided": lines("""
        Rumours that {firm} {boost} could not be confirmed
        Rumours that {firm} {harm} could not be confirmed
        Asked if {gain} {down} or {up} , {firm} gave no answer
        {firm} did not say whether {gain} {up} or {down} {period}
        {firm} will say in {month} whether {pain} {up} or {down} {period}
        {firm} , which in {month} {boost} , has its head office in {city}
        {firm} , which in {month} {harm} , has its head office in {city}
        {gain} of {firm} {up} in {country} and {down} by as much in {country}
        {pain} of {firm} {up} in {country} and {down} by as much in {country}
        {gain} of {firm} {up} {period} , and so , by as much , did {pain}
        {gain} of {firm} {down} {period} , and so , by as much , did {pain}
        {person} spoke in {city} about the year in which {gain} of {firm} {up} and then {down}"""),
    "aside": lines("""
        , said {person} , head of finance
        , the company said in {city} on {day}
        , according to the report for {month}
        , {firm} said in a statement to the stock exchange
        , said {person} , who runs the unit for {product} in {country}
        , the maker of {product} announced in {month}
        , {person} said in front of the {adj} {noun} in {city}
        , says the {adj} report of {firm}
        , the newspaper in {city} wrote on {day}"""),
    "plain_open": ["", "", "", "", "In {country} , ", "In {month} , ", "According to {person} , ",
                   "( {city} ) - "],
    "short_of": ["less than expected", "by less than {firm} had said",
                 "only a little , against all forecasts ,"],
    "despite_harm": lines("""
        although {pain} {up}
        although {gain} {down} in {country}
        despite a strike in {city}
        although it {harm}
        even if {firm} {harm}"""),
    "despite_boost": lines("""
        although {pain} {down}
        although {gain} {up} in {country}
        despite a good start in {city}
        although it {boost}
        even if {firm} {boost}"""),
}
