# Prints each #include that points the wrong way. The layers, and what each may
# include beside itself:
BEGIN {
    base = "harness/base"
    allowed[base] = ""
    allowed["assets"] = base
    allowed["models/tensor"] = base
    allowed["models/tokenize"] = base " assets models/tensor"
    allowed["models"] = allowed["models/tokenize"] " models/tokenize"
    allowed["methods"] = allowed["models"] " models"
    allowed["datasets"] = base " assets"
    allowed["results"] = base
    allowed["pretrain"] = allowed["methods"] " datasets"
    allowed["reports"] = base " results"
}

function folder(path) {
    return path ~ /\// ? substr(path, 1, match(path, /\/[^\/]*$/) - 1) : ""
}

FNR == 1 {
    own = folder(FILENAME)
    test = own ~ /^tests(\/|$)/
    sub(/^tests\/?/, "", own)
    # harness and the tests of no layer (tests/e2e, ...) see everything.
    free = !(own in allowed)
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, part, "\"")
    to = folder(part[2])
    if (to == "")
        printf "%s:%d: write \"%s\" with its folder\n", FILENAME, FNR, part[2]
    else if (!free && to != own && !(test && to ~ /^tests\//) &&
             index(" " allowed[own] " ", " " to " ") == 0)
        printf "%s:%d: %s may not include \"%s\"\n", FILENAME, FNR, own, part[2]
}

/^[ \t]*#[ \t]*include[ \t]*[<"](cblas|f77blas|lapacke|openblas_config|dnnl)[a-z_]*\.h/ {
    if (FILENAME !~ /^models\/tensor\/gemm_[a-z0-9_]*\.c$/ && !test)
        printf "%s:%d: only models/tensor/gemm_*.c may include a BLAS\n", FILENAME, FNR
}
