# Curves in small multiples, named at their right ends. Blocks of NAME.dat, for
# each panel: one a series (x y), then the places of the names (y name colour).
load 'common.gp'
columns = n_panels < 2 ? n_panels : 2
rows = (n_panels + columns - 1) / columns
do for [k = 1:|series|] { if (strlen(series[k]) > longest) { longest = strlen(series[k]) } }
names_px = 7.0 * longest + 14.0
panel_w = 260.0
panel_h = 150.0
left = 72.0
top = 62
step_w = left + panel_w + names_px
step_h = panel_h + 56
width = int(columns * step_w + 6)
height = int(top + rows * step_h)
blocks = |series| + 1
dash(is_dashed) = is_dashed ? 2 : 1
if (log_x) { set logscale x }

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
        x_end = x_high[i] > x_low[i] ? x_high[i] : log_x ? 2 * x_low[i] : x_low[i] + 1
        if (log_x) {
            set xrange [x_low[i] / 1.15:x_end * 1.15]
            set xtics ()
            do for [d = int(floor(log10(x_low[i]))):int(ceil(log10(x_end)))] {
                do for [m in x_end / x_low[i] > 30 ? "1" : "1 2 5"] {
                    set xtics add (gprintf('%.0s%c', m * 10.0 ** d) m * 10.0 ** d)
                }
            }
        } else {
            set xrange [x_low[i]:x_end]
            x_step = x_end - x_low[i] > 8 ? 2 : 1
            set xtics x_step
        }
        set yrange [y_low[i]:y_high[i]]
        set ytics marks(y_high[i] - y_low[i], 4)
        set format y '%.2f'
        set xlabel (i + columns > n_panels ? x_label : '') offset 0, 0.4
        set ylabel ((i - 1) % columns == 0 ? y_label : '') offset 0.3, 0
        unset label
        if (i == 1) { set label 1 figure_title at screen 0, screen 1 offset 0.8, -1 left }
        plot for [k = 1:|series|] data index first + k - 1 using 1:2 \
                 with linespoints pt (dashed[k] ? 6 : 7) ps 0.5 lw 1.6 \
                 dt dash(dashed[k]) lc rgb colour_of(int(series_colour[k])), \
             data index first + blocks - 1 using (log_x ? x_end * 1.15 : x_end):1:2:(colour_of(int($3))) \
                 with labels left offset 0.8, 0 textcolor rgb variable
    }
    unset multiplot
    unset output
}
