# The program without comments, texts and character constants, line for line.
{
    line = $0
    out = ""
    while (line != "") {
        if (comment) {
            end = index(line, "*/")
            if (!end)
                break
            line = substr(line, end + 2)
            comment = 0
        } else if (match(line, /^"([^"\\]|\\.)*"/) || match(line, /^'([^'\\]|\\.)*'/)) {
            out = out "\"\""
            line = substr(line, RLENGTH + 1)
        } else if (line ~ /^\/\//) {
            break
        } else if (line ~ /^\/\*/) {
            comment = 1
            line = substr(line, 3)
            out = out " "
        } else {
            n = match(substr(line, 2), /["'\/]/)
            n = n ? n : length(line)
            out = out substr(line, 1, n)
            line = substr(line, n + 1)
        }
    }
    print out
}
