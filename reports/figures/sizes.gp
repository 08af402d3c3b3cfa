# Accuracy against the number of parameters, with 95 % intervals over seeds. A panel a data set, two
# to a line, one scale for all; a method has a colour, a family of models a marker and a dash. Series
# stand a few pixels apart, so that no interval hides another. Blocks of NAME.dat, for
# each panel: one a series (parameters mean low high), then the names (y name colour series x_last y_last).
load 'common.gp'
columns = n_panels < 2 ? n_panels : 2
rows = (n_panels + columns - 1) / columns
do for [k = 1:|series|] { if (strlen(series[k]) > longest) { longest = strlen(series[k]) } }
names_px = 6.0 * longest + 12.0
panel_w = 270.0
n_names = |series| + 1
panel_h = n_names < 13 ? 200.0 : 15.5 * n_names
left = 58.0
top = 78
step_w = panel_w + names_px + 14
step_h = panel_h + 62
width = int(left + columns * step_w)
height = int(top + rows * step_h - 8)
blocks = |series| + 1

# Circles, squares, triangles, diamonds; every second hollow.
array shape[4] = [7, 5, 9, 13]
hollow(f) = f % 2
pt_of(f) = shape[1 + f % 4]
edge_of(f) = hollow(f) ? pt_of(f) - 1 : pt_of(f)
dt_of(f) = 1 + f % 4
paint(c) = c < 0 ? 0x767676 : colour_of(c)
series_paint(k) = paint(int(series_colour[k]))
lw_of(k) = series_colour[k] < |colour| ? 1.8 : 0.9 # colours that come again are thin

# Five pixels from series to series, fewer where there are many.
apart = |series| > 6 ? 30.0 / |series| : 5.0
x_left = x_low / 1.15
x_right = x_high * 1.15
nudge(k) = (x_right / x_left) ** (apart * (k - (|series| + 1) / 2.0) / panel_w)

set encoding utf8
set clip two
set logscale x
set xrange [x_left:x_right]
set xtics ()
do for [d = int(floor(log10(x_low))):int(ceil(log10(x_high)))] {
    do for [m in x_high > 40 * x_low ? "1" : x_high > 20 * x_low ? "1 3" : x_high > 4 * x_low ? "1 2 5" : "1 2 3 4 5 7"] {
        set xtics add (gprintf('%.0s %c', m * 10.0 ** d) m * 10.0 ** d)
    }
}

do for [format in "svg png"] {
    eval start(format)
    set output name.'.'.format.suffix
    set multiplot
    do for [i = 1:n_panels] {
        first = (i - 1) * blocks
        x = left + ((i - 1) % columns) * step_w
        y = top + ((i - 1) / columns) * step_h
        eval place(x, x + panel_w, y, y + panel_h)
        set title panel[i]
        set grid ytics lc rgb '#eeeeee' lt 1 lw 1
        set yrange [y_low:y_high]
        set ytics marks(y_high - y_low, 4)
        set format y ((i - 1) % columns == 0 ? '%.1f' : '')
        set xlabel (i + columns > n_panels ? 'parameters' : '') offset 0, 0.4
        set ylabel ((i - 1) % columns == 0 ? 'accuracy' : '') offset 0.3, 0
        unset label
        unset arrow
        if (i == 1) {
            set label 1 'Accuracy by example against size, mean and 95 % interval over seeds' at screen 0, screen 1 offset 0.8, -1 left
            set label 2 'Colour: method'.(n_families > 1 ? '. Line and marker: family of models' : '').'. Dashed, grey: always the commonest class.' at screen 0, screen 1 offset 0.8, -2.3 left textcolor rgb '#333333'
        }
        if (majority[i] == majority[i]) {
            set arrow 1 from graph 0, first majority[i] to graph 1, first majority[i] nohead dt (4, 3) lc rgb grey lw 1.2 back
        }
        plot for [k = 1:|series|] data index first + k - 1 using ($1 * nudge(k)):3:(0):($4 - $3) \
                 with vectors nohead lw 3.5 lc rgb (series_paint(k) + 0xA0000000), \
             data index first + blocks - 1 using ($5 * nudge($4)):6:(x_right - $5 * nudge($4)):($1 - $6):(paint(int($3)) + 0x90000000) \
                 with vectors nohead lw 0.7 lc rgb variable, \
             for [k = 1:|series|] data index first + k - 1 using ($1 * nudge(k)):2 \
                 with lines lw lw_of(k) dt dt_of(int(series_family[k])) lc rgb series_paint(k), \
             for [k = 1:|series|] '' index first + k - 1 using ($1 * nudge(k)):2 \
                 with points pt pt_of(int(series_family[k])) ps 0.7 lc rgb (hollow(int(series_family[k])) ? 0xFFFFFF : series_paint(k)), \
             for [k = 1:|series|] '' index first + k - 1 using ($1 * nudge(k)):2 \
                 with points pt edge_of(int(series_family[k])) ps 0.7 lc rgb series_paint(k), \
             '' index first + blocks - 1 using (x_right):1:2:(paint(int($3))) \
                 with labels left offset 0.4, 0 textcolor rgb variable
    }
    unset multiplot
    unset output
}
