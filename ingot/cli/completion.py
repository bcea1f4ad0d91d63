"""``ingot completion``: a bash completion script, made from the parser itself."""

import argparse


def arguments(parser):
    del parser


def run(options):
    from ingot.cli import main
    print(script(main.parser()))
    return 0


def words(parser):
    """{command path: words that may follow}, for every level of subcommands."""
    found = {}

    def visit(path, level):
        following = [option for action in level._actions for option in action.option_strings]
        for action in level._actions:
            if isinstance(action, argparse._SubParsersAction):
                following += list(action.choices)
                for name, sub in action.choices.items():
                    visit((*path, name), sub)
            elif action.choices and not action.option_strings:
                following += list(action.choices)
        found[' '.join(path)] = following

    visit((), parser)
    return found


def script(parser):
    """Bash source that completes commands and options of ``parser``."""
    cases = '\n'.join(f'        "{path}") words="{" ".join(following)}" ;;' for path, following in words(parser).items())
    return f"""_ingot() {{
    local path="" word words=""
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$word" in -*) ;; *) path="${{path:+$path }}$word" ;; esac
    done
    while :; do
        case "$path" in
{cases}
        *) case "$path" in *" "*) path="${{path% *}}"; continue ;; *) return ;; esac ;;
        esac
        break
    done
    COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -F _ingot ingot"""
