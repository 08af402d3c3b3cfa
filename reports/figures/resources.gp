# Training speed and peak memory by method, medians over data sets and seeds,
# one row of panels a model. Blocks of NAME.dat: row method tokens_per_second peak_mib.
load 'common.gp'
panel_w = 270.0
panel_h = 19.0 * |method| + 8
gap = 60.0
step_h = panel_h + 44
width = int(names_px + 2 * (panel_w + gap) + 10)
height = int(n_panels * step_h + 4)
set style fill solid 1 noborder
short(x) = x >= 1e6 ? sprintf('%.1f M', x / 1e6) : x >= 1e5 ? sprintf('%.0f k', x / 1e3) : \
           x >= 1e3 ? sprintf('%.1f k', x / 1e3) : sprintf('%.0f', x)

do for [format in "svg png"] {
    eval start(format)
    set output name.'.'.format.suffix
    set multiplot
    do for [i = 1:n_panels] {
        y = 34 + (i - 1) * step_h
        set yrange [|method| + 0.6:0.4]
        set border 2
        unset xtics
        do for [side = 0:1] {
            x = names_px + side * (panel_w + gap)
            eval place(x, x + panel_w, y, y + panel_h)
            set label 1 (side == 0 ? panel[i].': training tokens per second' : 'peak memory, MiB') at graph 0, graph 1 offset 0, 0.7 left
            set xrange [0:(side == 0 ? tokens_high : memory_high) * 1.02]
            set ytics scale 0 ()
            do for [k = 1:|method|] { set ytics add (side == 0 ? method[k] : '' k) }
            plot data index i - 1 using (0):1:(0):(column(3 + side)):($1 - 0.32):($1 + 0.32) \
                     with boxxyerror fc rgb (side == 0 ? '#0072B2' : '#E69F00'), \
                 '' index i - 1 using (column(3 + side)):1:(short(column(3 + side))) with labels left offset 0.4, 0
        }
    }
    unset multiplot
    unset output
}
