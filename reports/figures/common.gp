# Shared by all figures: colours, fonts, and a panel's place in pixels.
# Okabe and Ito's colours, told apart with any kind of colour vision. Their yellow is
# too pale on white; the brown in its place is further from each of the others than
# the nearest two of those are (CIE Lab, normal vision and all three kinds of
# dichromacy). From the 9th method on they come again, dashed.
array colour[8] = [0x0072B2, 0xD55E00, 0x009E73, 0xCC79A7, 0xE69F00, 0x56B4E9, 0x000000, 0x6B3A2A]
colour_of(k) = colour[1 + k % |colour|]
dash_of(k) = 1 + (k / |colour|) % 2
grey = '#767676'
if (!exists("suffix")) suffix = ''
data = name.'.dat'

# width and height in pixels come from the figure.
start(format) = sprintf(format eq 'svg' \
    ? "set terminal svg size %d,%d noenhanced font 'Arial,12' background '#ffffff'" \
    : "set terminal pngcairo size %d,%d noenhanced font 'Arial,9.5' background '#ffffff'", \
    width, height)
place(x0, x1, y0, y1) = sprintf( \
    "set lmargin at screen %g; set rmargin at screen %g; set tmargin at screen %g; set bmargin at screen %g", \
    x0 / width, x1 / width, 1 - y0 / height, 1 - y1 / height)

# Room for the method names, by the longest of them.
longest = 0
if (exists("method")) { do for [k = 1:|method|] {
    if (strlen(method[k]) > longest) { longest = strlen(method[k]) } } }
names_px = 7.0 * longest + 18.0

set border 1 lc rgb grey lw 0.8
set tics scale 0.4 nomirror textcolor rgb '#333333'
set key off
set title offset 0, -0.4

# A round distance between about n marks on a range, which may be an integer.
round(x, p) = x / p < 1.5 ? p : x / p < 3.5 ? 2 * p : x / p < 7.5 ? 5 * p : 10 * p
marks(range, n) = round(1.0 * range / n, 10 ** floor(log10(1.0 * range / n)))
