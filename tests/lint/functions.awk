# Input: file|line|name|end line|(signature). Prints functions over the limits.
# Kernels, and their twins in the tests, take as many arrays and sizes as they need.
function n_parameters(signature,    depth, n, i, c) {
    if (signature ~ /^\((void)?\)$/)
        return 0
    n = 1
    for (i = 1; i <= length(signature); i++) {
        c = substr(signature, i, 1)
        depth += (c == "(") - (c == ")")
        n += c == "," && depth == 1
    }
    return n
}

{
    lines = $4 - $2 + 1
    if (lines > 100)
        printf "%s:%d:%s: %d lines; 100 are allowed\n", $1, $2, $3, lines
    n = n_parameters($5)
    kernel = $1 ~ /^(models\/tensor\/(op_|gemm_|vmath|lanes)|tests\/models\/tensor\/twin)/
    if (n > 6 && !kernel)
        printf "%s:%d:%s: %d parameters; 6 are allowed\n", $1, $2, $3, n
}
