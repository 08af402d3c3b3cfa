# Accuracy of each method on each data set, with its 95 % interval over seeds;
# the dashed line is what always answering the commonest class would reach.
# Blocks of NAME.dat: row method n mean low high note.
load 'common.gp'
columns = n_panels < 3 ? n_panels : 3
rows = (n_panels + columns - 1) / columns
panel_w = columns == 1 ? 360.0 : 205.0
panel_h = 19.0 * |method| + 10
step_w = panel_w + 34
step_h = panel_h + 78
width = int(names_px + columns * step_w + 10)
top = 56
height = int(rows * step_h + top - 26)

do for [format in "svg png"] {
    eval start(format)
    set output name.'.'.format.suffix
    set multiplot
    do for [i = 1:n_panels] {
        x = names_px + ((i - 1) % columns) * step_w
        y = top + ((i - 1) / columns) * step_h
        eval place(x, x + panel_w, y, y + panel_h)
        set title panel[i]
        set xrange [x_low:x_high]
        set yrange [|method| + 0.6:0.4]
        set xtics 0.1
        if (x_high - x_low > 0.55) { set xtics 0.2 }
        set format x '%.1f'
        set ytics scale 0 ()
        do for [k = 1:|method|] { set ytics add ((i - 1) % columns == 0 ? method[k] : '' k) }
        set grid ytics lc rgb '#eeeeee' lt 1 lw 1
        unset arrow
        unset label
        if (i == 1) { set label 3 model.': '.judged.' accuracy, mean and 95 % interval over seeds' at screen 0, screen 1 offset 0.8, -1 left }
        below = 1 - (y + panel_h + 38) / height
        set label 2 'accuracy' at graph 0, screen below left
        if (majority[i] == majority[i]) {
            set arrow 1 from majority[i], graph 0 to majority[i], graph 1 nohead dt (4, 3) lc rgb grey lw 1.2 back
            set label 1 sprintf('majority %.2f', majority[i]) at graph 1, screen below right textcolor rgb grey
        }
        plot data index i - 1 using 5:1:($6 - $5):(0) with vectors nohead lw 2 lc rgb '#56B4E9', \
             '' index i - 1 using 4:1 with points pt 7 ps 0.75 lc rgb '#0072B2', \
             '' index i - 1 using (x_low + 0.02 * (x_high - x_low)):1:7 with labels left textcolor rgb grey
    }
    unset multiplot
    unset output
}
