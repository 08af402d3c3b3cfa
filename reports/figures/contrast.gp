# The same models under two protocols: accuracy by example under each and, where the second counts
# target tokens, what it reports. A panel a data set, three to a line, model by model. Blocks of
# NAME.dat, for each panel: one a line (x mean low high note), then the names at their ends (y
# name colour).
load 'common.gp'
panel_w = 170.0
panel_h = 150.0
names_px = 62.0
left = 56.0
step_w = panel_w + names_px + 14
step_h = panel_h + 88
head = 150
line(n) = 1 - (8.0 + 16 * n) / height
# Each model begins a new line of panels, under its name.
array row[n_panels]
array column[n_panels]
rows = -1
do for [i = 1:n_panels] {
    is_first = i == 1 ? 1 : model[i] ne model[i - 1]
    if (is_first) { rows = rows + 1; place_in = 0 } else { place_in = place_in + 1 }
    if (place_in == 3) { rows = rows + 1; place_in = 0 }
    row[i] = rows
    column[i] = place_in
}
width = int(left + 3 * step_w)
height = int(head + (rows + 1) * step_h - 44)

do for [format in "svg png"] {
    eval start(format)
    set output name.'.'.format.suffix
    set multiplot
    first = 0
    colours = 0
    do for [i = 1:n_panels] {
        x = left + column[i] * step_w
        y = head + row[i] * step_h
        eval place(x, x + panel_w, y, y + panel_h)
        set title panel[i] offset 0, 0.8
        set grid ytics lc rgb '#eeeeee' lt 1 lw 1
        set xrange [0.75:n_places[i] + 0.15]
        set yrange [y_low:1]
        set xtics (sound 1, other 2)
        if (n_places[i] == 3) { set xtics add ('by token' 3) }
        set ytics 0.2
        set format y '%.1f'
        set ylabel (column[i] == 0 ? 'accuracy' : '') offset 1, 0
        unset label
        unset arrow
        if (i == 1) {
            set label 1 'The same models on the same data under two protocols, '.sound.' (left in each panel) and '.other.' (right)' at screen 0, screen line(1) offset 0.8, 0 left
            set label 2 leak_line at screen 0, screen line(2) offset 0.8, 0 left textcolor rgb '#333333'
            set label 3 collapse_line at screen 0, screen line(3) offset 0.8, 0 left textcolor rgb '#333333'
            set label 4 unit_line at screen 0, screen line(4) offset 0.8, 0 left textcolor rgb '#333333'
        }
        is_first = i == 1 ? 1 : model[i] ne model[i - 1]
        if (is_first) { set label 5 model[i] at screen 0, screen 1 - (y - 52) / height offset 0.8, 0 left textcolor rgb '#333333' }
        set label 6 (leak[i] == leak[i] ? sprintf('leak %.0f %%, ', 100 * leak[i]) : '').sprintf('majority %.2f', majority[i]) \
            at graph 0.5, graph 1 offset 0, 0.8 center textcolor rgb grey
        set arrow 1 from graph 0, first majority[i] to graph 1, first majority[i] nohead dt (4, 3) lc rgb grey lw 1.2 back
        k = int(n_lines[i])
        plot for [l = 0:k - 1] data index first + l using 1:3:(0):($4 - $3) with vectors nohead lw 5 lc rgb (colour_of(int(line_colour[colours + l + 1])) + 0xB0000000), \
             for [l = 0:k - 1] '' index first + l using 1:($1 < 3 ? $2 : 1/0) with lines lw 2 lc rgb colour_of(int(line_colour[colours + l + 1])), \
             for [l = 0:k - 1] '' index first + l using 1:($1 > 1 ? $2 : 1/0) with lines lw 2 dt 2 lc rgb colour_of(int(line_colour[colours + l + 1])), \
             for [l = 0:k - 1] '' index first + l using 1:2 with points pt 7 ps 0.7 lc rgb colour_of(int(line_colour[colours + l + 1])), \
             for [l = 0:k - 1] '' index first + l using 1:2:5 with labels right offset 0.8, -0.8 textcolor rgb colour_of(int(line_colour[colours + l + 1])), \
             '' index first + k using (n_places[i] + 0.15):1:2:(colour_of(int($3))) with labels left offset 0.4, 0 textcolor rgb variable
        first = first + k + 1
        colours = colours + k
    }
    unset multiplot
    unset output
}
