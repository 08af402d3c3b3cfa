# Mean accuracy over the data sets that all methods have, against the number of
# trainable parameters, one panel a model. Blocks of NAME.dat: method
# trainable_parameters accuracy label_y.
load 'common.gp'
columns = n_panels < 2 ? n_panels : 2
rows = (n_panels + columns - 1) / columns
panel_w = columns == 1 ? 520.0 : 360.0
panel_h = 240.0
step_w = panel_w + 30
step_h = panel_h + 74
left = 62.0
width = int(left + columns * step_w)
height = int(rows * step_h + 8)

do for [format in "svg png"] {
    eval start(format)
    set output name.'.'.format.suffix
    set multiplot
    set logscale x
    do for [i = 1:n_panels] {
        x = left + ((i - 1) % columns) * step_w
        y = 30 + ((i - 1) / columns) * step_h
        eval place(x, x + panel_w, y, y + panel_h)
        set title panel[i]
        set xrange [x_low:x_end]
        set yrange [y_low:y_high]
        set format x '%.0s %c'
        set ytics marks(y_high - y_low, 6)
        set format y ((i - 1) % columns == 0 ? '%.2f' : '')
        set xlabel (i + columns > n_panels ? 'trainable parameters' : '') offset 0, 0.4
        set ylabel ((i - 1) % columns == 0 ? 'mean accuracy' : '')
        set grid ytics lc rgb '#eeeeee' lt 1 lw 1
        # A name stands a little to the right of its point, joined to it.
        shift = (x_end / x_low) ** 0.03
        plot data index i - 1 using 2:3:($2 * shift - $2):($4 - $3) with vectors nohead lw 0.8 lc rgb '#bbbbbb', \
             '' index i - 1 using 2:3 with points pt 7 ps 0.8 lc rgb '#0072B2', \
             '' index i - 1 using ($2 * shift):4:1 with labels left offset 0.3, 0
    }
    unset multiplot
    unset output
}
