# The same models under two protocols: accuracy by example under each and, where the second counts
# target tokens, what it reports. A panel a data set, three to a line, model by model. Where the
# second protocol judges rows that it also trained on, its side is shaded; a result that gives all
# rows one class is a cross. Blocks of NAME.dat, for each panel: one a line (x mean low high
# one_class), then the names at their ends (y name colour).
load 'common.gp'
panel_w = 170.0
panel_h = 150.0
names_px = 5.6 * longest_name + 14.0
left = 56.0
step_w = panel_w + names_px + 14
step_h = panel_h + 88
model_gap = 26 # above a model's name
line(n) = 1 - (8.0 + 17 * n) / height
apart(l, k) = 0.05 * (l - (k - 1) / 2.0) # so that no line hides another
paint(l) = colour_of(int(line_colour[l]))
leak_grey = '#8A5A00'
# Each model begins a new line of panels, under its name.
array top[n_panels]
array column[n_panels]
y = 0.0
do for [i = 1:n_panels] {
    is_first = i == 1 ? 1 : model[i] ne model[i - 1]
    if (is_first) { y = y + (i == 1 ? 0 : step_h + model_gap); place_in = 0 } else { place_in = place_in + 1 }
    if (place_in == 3) { y = y + step_h; place_in = 0 }
    top[i] = y
    column[i] = place_in
}
width = int(left + 3 * step_w)
do for [l = 1:|note|] { if (6.2 * strlen(note[l]) + 20 > width) { width = int(6.2 * strlen(note[l]) + 20) } }
head = 90.0 + 17 * |note|
height = int(head + top[n_panels] + step_h - 44)
set clip two

do for [format in "svg png"] {
    eval start(format)
    set output name.'.'.format.suffix
    set multiplot
    first = 0
    colours = 1
    do for [i = 1:n_panels] {
        x = left + column[i] * step_w
        y = head + top[i]
        eval place(x, x + panel_w, y, y + panel_h)
        set title panel[i] offset 0, 0.8
        set grid ytics lc rgb '#eeeeee' lt 1 lw 1
        set xrange [0.75:n_places[i] + 0.25]
        set yrange [y_low:1]
        set xtics (sound 1, other 2)
        if (n_places[i] == 3) { set xtics add ('by token' 3) }
        set ytics 0.2
        set format y (column[i] == 0 ? '%.1f' : '')
        set ylabel (column[i] == 0 ? 'accuracy' : '') offset 0.3, 0
        unset label
        unset arrow
        unset object
        if (i == 1) {
            do for [l = 1:|note|] {
                set label l note[l] at screen 0, screen line(l) offset 0.8, 0 left textcolor rgb (l == 1 ? '#000000' : '#333333')
            }
        }
        is_first = i == 1 ? 1 : model[i] ne model[i - 1]
        if (is_first) { set label 50 model[i] at screen 0, screen 1 - (y - 52) / height offset 0.8, 0 left }
        is_leaking = leak[i] == leak[i] && leak[i] > leak_noticed
        if (is_leaking) {
            set object 1 rectangle from first 1.5, graph 0 to graph 1, graph 1 behind fillcolor rgb '#FCEFD5' fillstyle solid 1 noborder
        }
        set label 51 (leak[i] == leak[i] ? sprintf('leak %.0f %%, ', 100 * leak[i]) : '').sprintf('majority %.2f', majority[i]) \
            at graph 0.5, graph 1 offset 0, 0.8 center textcolor rgb (is_leaking ? leak_grey : grey)
        set arrow 1 from graph 0, first majority[i] to graph 1, first majority[i] nohead dt (4, 3) lc rgb grey lw 1.2 back
        k = int(n_lines[i])
        plot for [l = 0:k - 1] data index first + l using ($1 + apart(l, k)):3:(0):($4 - $3) with vectors nohead lw 5 lc rgb (paint(colours + l) + 0xB0000000), \
             for [l = 0:k - 1] '' index first + l using ($1 + apart(l, k)):($1 < 3 ? $2 : 1/0) with lines lw 2 lc rgb paint(colours + l), \
             for [l = 0:k - 1] '' index first + l using ($1 + apart(l, k)):($1 > 1 ? $2 : 1/0) with lines lw 2 dt 2 lc rgb paint(colours + l), \
             for [l = 0:k - 1] '' index first + l using ($1 + apart(l, k)):($5 == 0 ? $2 : 1/0) with points pt 7 ps 0.7 lc rgb paint(colours + l), \
             for [l = 0:k - 1] '' index first + l using ($1 + apart(l, k)):($5 == 1 ? $2 : 1/0) with points pt 2 ps 1.1 lw 2.2 lc rgb paint(colours + l), \
             '' index first + k using (n_places[i] + 0.25):1:2:(colour_of(int($3))) with labels left offset 0.4, 0 textcolor rgb variable
        first = first + k + 1
        colours = colours + k
    }
    unset multiplot
    unset output
}
