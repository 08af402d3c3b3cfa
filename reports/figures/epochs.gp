# Training loss (left) and validation accuracy (right) by epoch, mean over seeds,
# one row a data set. Blocks of NAME.dat, for each data set: one a method (epoch
# train_loss validation_accuracy), then the places of the names at the right.
load 'common.gp'
panel_w = 270.0
panel_h = |method| > 5 ? 150.0 : 120.0
left = 58.0
middle = 62.0
step_h = panel_h + 50
top = 66
width = int(left + 2 * panel_w + middle + names_px + 4)
height = int(n_panels * step_h + top - 8)
blocks = |method| + 1
if (n_epochs > 12) { set xtics autofreq } else { set xtics 1 }
x_high = n_epochs > 1 ? n_epochs : 2

do for [format in "svg png"] {
    eval start(format)
    set output name.'.'.format.suffix
    set multiplot
    do for [i = 1:n_panels] {
        first = (i - 1) * blocks
        y = top + (i - 1) * step_h
        set grid ytics lc rgb '#eeeeee' lt 1 lw 1
        set xrange [1:x_high]
        set xlabel (i == n_panels ? 'epoch' : '') offset 0, 0.4
        set label 1 panel[i] at screen 0, screen (1 - (y - 13) / height) offset 0.8, 0 left
        eval place(left, left + panel_w, y, y + panel_h)
        if (i == 1) {
            set label 2 model.': mean over seeds' at screen 0, screen 1 offset 0.8, -1 left
            set title 'training loss' offset 0, 0.2
        } else {
            set title ''
        }
        set yrange [loss_low[i]:loss_high[i]]
        set format y '%.1f'
        set ytics marks(loss_high[i] - loss_low[i], 4)
        plot for [k = 0:|method| - 1] data index first + k using 1:2 \
            with linespoints pt 7 ps 0.35 lw 1.6 dt dash_of(k) lc rgb colour_of(k)
        unset label
        x = left + panel_w + middle
        eval place(x, x + panel_w, y, y + panel_h)
        if (i == 1) { set title 'validation accuracy' }
        set yrange [accuracy_low[i]:accuracy_high[i]]
        set format y '%.2f'
        set ytics marks(accuracy_high[i] - accuracy_low[i], 4)
        plot for [k = 0:|method| - 1] data index first + k using 1:3 \
            with linespoints pt 7 ps 0.35 lw 1.6 dt dash_of(k) lc rgb colour_of(k), \
            data index first + blocks - 1 using (x_high):1:2:(colour_of(int($3))) \
            with labels left offset 0.8, 0 textcolor rgb variable
    }
    unset multiplot
    unset output
}
