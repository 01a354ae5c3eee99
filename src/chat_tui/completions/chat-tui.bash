# Made by scripts/manuals from the program's own parser: do not edit it.
_chat_tui() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} place= filled=0 i
    # To bash, = is a word: --data=/srv is three.
    if [[ $word == = ]]; then word=; elif [[ $before == = ]]; then before=${COMP_WORDS[COMP_CWORD - 2]}; fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$place:${COMP_WORDS[i]}" in
            ":--nick"|":--room"|":--profile"|":--config"|":--state"|":--lang"|":--theme"|":--wait"|":--password-file"|":--print-completion") i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
            ":trust") place="trust" filled=0 ;;
            "trust:--state") i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
            *:-*) ;;
            *) filled=$((filled + 1)) ;;
        esac
    done
    COMPREPLY=()
    case "$place:$before" in
        ":--nick")  return ;;
        ":--room")  return ;;
        ":--profile")  return ;;
        ":--config") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        ":--state") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        ":--lang") mapfile -t COMPREPLY < <(compgen -W "en zh" -- "$word"); return ;;
        ":--theme")  return ;;
        ":--wait")  return ;;
        ":--password-file") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        ":--print-completion") mapfile -t COMPREPLY < <(compgen -W "bash zsh fish" -- "$word"); return ;;
        "trust:--state") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
    esac
    case "$place:$filled:$word" in
        "":*:-*) mapfile -t COMPREPLY < <(compgen -W "-h --help --nick --room --profile --config --state --lang --theme --plain --plaintext --wait --password-file --slow-link --print-config --print-completion --version" -- "$word") ;;
        "":0:*) mapfile -t COMPREPLY < <(compgen -W "trust" -- "$word") ;;
        "trust":*:-*) mapfile -t COMPREPLY < <(compgen -W "-h --help --state" -- "$word") ;;
    esac
}
complete -F _chat_tui chat-tui
