# The host name of a config drive's meta_data.json: the string "hostname" of the outermost object, else its "name".
{ text = text $0 "\n" }
END {
    while (match(text, /"([^"\\]|\\.)*"|[][{}:,]/)) {
        token = substr(text, RSTART, RLENGTH)
        text = substr(text, RSTART + RLENGTH)
        if (token == "{" || token == "[") depth++
        else if (token == "}" || token == "]") depth--
        else if (token == ":") { key = last; is_value = 1 }
        else if (token == ",") is_value = 0
        else {
            if (is_value && depth == 1) value[key] = substr(token, 2, length(token) - 2)
            last = substr(token, 2, length(token) - 2)
        }
    }
    print (value["hostname"] != "" ? value["hostname"] : value["name"])
}
