# Made by scripts/manuals from the program's own parser: do not edit it.
_chat_server() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} place= filled=0 i
    # To bash, = is a word: --data=/srv is three.
    if [[ $word == = ]]; then word=; elif [[ $before == = ]]; then before=${COMP_WORDS[COMP_CWORD - 2]}; fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$place:${COMP_WORDS[i]}" in
            ":--host"|":--port"|":--config"|":--data"|":--log-format"|":--print-completion") i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
            ":export") place="export" filled=0 ;;
            ":import") place="import" filled=0 ;;
            ":check-journal") place="check-journal" filled=0 ;;
            ":backup") place="backup" filled=0 ;;
            ":fingerprint") place="fingerprint" filled=0 ;;
            ":health") place="health" filled=0 ;;
            ":ready") place="ready" filled=0 ;;
            ":rooms") place="rooms" filled=0 ;;
            ":admin") place="admin" filled=0 ;;
            "export:--data"|"export:--config") i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
            "import:--data"|"import:--config") i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
            "check-journal:--data"|"check-journal:--config") i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
            "backup:--data"|"backup:--config") i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
            "fingerprint:--data"|"fingerprint:--config") i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
            "health:--data"|"health:--config") i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
            "ready:--data"|"ready:--config") i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
            "rooms:--data"|"rooms:--config") i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
            "rooms:list") place="rooms list" filled=0 ;;
            "rooms:rename") place="rooms rename" filled=0 ;;
            "rooms:delete") place="rooms delete" filled=0 ;;
            "rooms list:--data"|"rooms list:--config") i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
            "rooms rename:--data"|"rooms rename:--config") i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
            "rooms delete:--data"|"rooms delete:--config") i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
            "admin:--data"|"admin:--config") i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
            "admin:who") place="admin who" filled=0 ;;
            "admin:kick") place="admin kick" filled=0 ;;
            "admin:rooms") place="admin rooms" filled=0 ;;
            "admin:nodes") place="admin nodes" filled=0 ;;
            "admin:stats") place="admin stats" filled=0 ;;
            "admin:log-level") place="admin log-level" filled=0 ;;
            "admin:owner") place="admin owner" filled=0 ;;
            "admin:code") place="admin code" filled=0 ;;
            "admin:accounts") place="admin accounts" filled=0 ;;
            "admin:devices") place="admin devices" filled=0 ;;
            "admin:role") place="admin role" filled=0 ;;
            "admin:panic") place="admin panic" filled=0 ;;
            "admin who:--data"|"admin who:--config") i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
            "admin kick:--data"|"admin kick:--config") i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
            "admin rooms:--data"|"admin rooms:--config") i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
            "admin rooms:rename") place="admin rooms rename" filled=0 ;;
            "admin rooms:delete") place="admin rooms delete" filled=0 ;;
            "admin rooms rename:--data"|"admin rooms rename:--config") i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
            "admin rooms delete:--data"|"admin rooms delete:--config") i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
            "admin nodes:--data"|"admin nodes:--config") i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
            "admin stats:--data"|"admin stats:--config") i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
            "admin log-level:--data"|"admin log-level:--config") i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
            "admin owner:--data"|"admin owner:--config") i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
            "admin code:--data"|"admin code:--config") i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
            "admin accounts:--data"|"admin accounts:--config") i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
            "admin devices:--data"|"admin devices:--config") i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
            "admin role:--data"|"admin role:--config") i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
            "admin panic:--data"|"admin panic:--config") i=$((i + 1)); [[ ${COMP_WORDS[i]} == = ]] && i=$((i + 1)) ;;
            *:-*) ;;
            *) filled=$((filled + 1)) ;;
        esac
    done
    COMPREPLY=()
    case "$place:$before" in
        ":--host")  return ;;
        ":--port")  return ;;
        ":--config") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        ":--data") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        ":--log-format") mapfile -t COMPREPLY < <(compgen -W "text json" -- "$word"); return ;;
        ":--print-completion") mapfile -t COMPREPLY < <(compgen -W "bash zsh fish" -- "$word"); return ;;
        "export:--data") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        "export:--config") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        "import:--data") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        "import:--config") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        "check-journal:--data") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        "check-journal:--config") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        "backup:--data") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        "backup:--config") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        "fingerprint:--data") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        "fingerprint:--config") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        "health:--data") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        "health:--config") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        "ready:--data") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        "ready:--config") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        "rooms:--data") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        "rooms:--config") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        "rooms list:--data") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        "rooms list:--config") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        "rooms rename:--data") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        "rooms rename:--config") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        "rooms delete:--data") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        "rooms delete:--config") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        "admin:--data") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        "admin:--config") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        "admin who:--data") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        "admin who:--config") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        "admin kick:--data") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        "admin kick:--config") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        "admin rooms:--data") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        "admin rooms:--config") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        "admin rooms rename:--data") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        "admin rooms rename:--config") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        "admin rooms delete:--data") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        "admin rooms delete:--config") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        "admin nodes:--data") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        "admin nodes:--config") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        "admin stats:--data") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        "admin stats:--config") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        "admin log-level:--data") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        "admin log-level:--config") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        "admin owner:--data") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        "admin owner:--config") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        "admin code:--data") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        "admin code:--config") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        "admin accounts:--data") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        "admin accounts:--config") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        "admin devices:--data") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        "admin devices:--config") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        "admin role:--data") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        "admin role:--config") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        "admin panic:--data") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        "admin panic:--config") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
    esac
    case "$place:$filled:$word" in
        "":*:-*) mapfile -t COMPREPLY < <(compgen -W "-h --help --host --port --config --data --log-format -v --verbose --version --check-config --print-config --print-completion" -- "$word") ;;
        "":0:*) mapfile -t COMPREPLY < <(compgen -W "export import check-journal backup fingerprint health ready rooms admin" -- "$word") ;;
        "export":*:-*) mapfile -t COMPREPLY < <(compgen -W "-h --help --data --config --force --with-secrets" -- "$word") ;;
        "export":0:*) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); ;;
        "import":*:-*) mapfile -t COMPREPLY < <(compgen -W "-h --help --data --config" -- "$word") ;;
        "import":0:*) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); ;;
        "check-journal":*:-*) mapfile -t COMPREPLY < <(compgen -W "-h --help --data --config" -- "$word") ;;
        "backup":*:-*) mapfile -t COMPREPLY < <(compgen -W "-h --help --data --config --force" -- "$word") ;;
        "backup":0:*) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); ;;
        "fingerprint":*:-*) mapfile -t COMPREPLY < <(compgen -W "-h --help --data --config" -- "$word") ;;
        "health":*:-*) mapfile -t COMPREPLY < <(compgen -W "-h --help --data --config" -- "$word") ;;
        "ready":*:-*) mapfile -t COMPREPLY < <(compgen -W "-h --help --data --config" -- "$word") ;;
        "rooms":*:-*) mapfile -t COMPREPLY < <(compgen -W "-h --help --data --config" -- "$word") ;;
        "rooms":0:*) mapfile -t COMPREPLY < <(compgen -W "list rename delete" -- "$word") ;;
        "rooms list":*:-*) mapfile -t COMPREPLY < <(compgen -W "-h --help --data --config" -- "$word") ;;
        "rooms rename":*:-*) mapfile -t COMPREPLY < <(compgen -W "-h --help --data --config" -- "$word") ;;
        "rooms delete":*:-*) mapfile -t COMPREPLY < <(compgen -W "-h --help --data --config --yes" -- "$word") ;;
        "admin":*:-*) mapfile -t COMPREPLY < <(compgen -W "-h --help --data --config --json" -- "$word") ;;
        "admin":0:*) mapfile -t COMPREPLY < <(compgen -W "who kick rooms nodes stats log-level owner code accounts devices role panic" -- "$word") ;;
        "admin who":*:-*) mapfile -t COMPREPLY < <(compgen -W "-h --help --data --config --json" -- "$word") ;;
        "admin kick":*:-*) mapfile -t COMPREPLY < <(compgen -W "-h --help --data --config --json" -- "$word") ;;
        "admin rooms":*:-*) mapfile -t COMPREPLY < <(compgen -W "-h --help --data --config --json" -- "$word") ;;
        "admin rooms":0:*) mapfile -t COMPREPLY < <(compgen -W "rename delete" -- "$word") ;;
        "admin rooms rename":*:-*) mapfile -t COMPREPLY < <(compgen -W "-h --help --data --config --json" -- "$word") ;;
        "admin rooms delete":*:-*) mapfile -t COMPREPLY < <(compgen -W "-h --help --data --config --yes --json" -- "$word") ;;
        "admin nodes":*:-*) mapfile -t COMPREPLY < <(compgen -W "-h --help --data --config --json" -- "$word") ;;
        "admin stats":*:-*) mapfile -t COMPREPLY < <(compgen -W "-h --help --data --config --json" -- "$word") ;;
        "admin log-level":*:-*) mapfile -t COMPREPLY < <(compgen -W "-h --help --data --config --json" -- "$word") ;;
        "admin log-level":0:*) mapfile -t COMPREPLY < <(compgen -W "normal verbose" -- "$word"); ;;
        "admin owner":*:-*) mapfile -t COMPREPLY < <(compgen -W "-h --help --data --config --json" -- "$word") ;;
        "admin code":*:-*) mapfile -t COMPREPLY < <(compgen -W "-h --help --data --config --long --json" -- "$word") ;;
        "admin accounts":*:-*) mapfile -t COMPREPLY < <(compgen -W "-h --help --data --config --yes --json" -- "$word") ;;
        "admin accounts":1:*) mapfile -t COMPREPLY < <(compgen -W "close anonymise erase restore" -- "$word"); ;;
        "admin devices":*:-*) mapfile -t COMPREPLY < <(compgen -W "-h --help --data --config --json" -- "$word") ;;
        "admin devices":1:*) mapfile -t COMPREPLY < <(compgen -W "drop" -- "$word"); ;;
        "admin role":*:-*) mapfile -t COMPREPLY < <(compgen -W "-h --help --data --config --json" -- "$word") ;;
        "admin role":1:*) mapfile -t COMPREPLY < <(compgen -W "admin moderator none" -- "$word"); ;;
        "admin panic":*:-*) mapfile -t COMPREPLY < <(compgen -W "-h --help --data --config --json" -- "$word") ;;
        "admin panic":0:*) mapfile -t COMPREPLY < <(compgen -W "on off" -- "$word"); ;;
    esac
}
complete -F _chat_server chat-server
