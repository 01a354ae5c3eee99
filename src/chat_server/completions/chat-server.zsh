#compdef chat-server
# Made by scripts/manuals from the program's own parser: do not edit it.
_chat_server() {
    local context state state_descr line
    typeset -A opt_args
    _arguments -C -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--host)'--host'[address to listen on (default\: 127.0.0.1, this machine only; 0.0.0.0 for everybody; /PATH for a Unix socket)]:H: ' \
        '(--port)'--port'[port to listen on (default\: 5000; 0\: any free one)]:P: ' \
        '(--config)'--config'[read settings from this TOML file; flags override it]:FILE:_files' \
        '(--data)'--data'[directory in which what is said is kept (default\: where the platform keeps the data of programs)]:DIR:_files -/' \
        '(--log-format)'--log-format'[log for people or for machines (default\: text)]:text|json:(text json)' \
        '(-v --verbose)'{-v,--verbose}'[also log every caller who comes and goes]' \
        '(--replace)'--replace'[take the place of the server that has this data directory\: whoever calls meanwhile waits a moment, and nothing is lost]' \
        '(--version)'--version'[show program'\''s version number and exit]' \
        '(--check-config)'--check-config'[say what would be in the way of a start with these settings, and what is dangerous, and exit]' \
        '(--print-config)'--print-config'[print the settings as a commented TOML file and exit]' \
        '(--print-completion)'--print-completion'[print what has that shell complete these flags and commands, and exit]:bash|zsh|fish:(bash zsh fish)' \
        ': :->command' \
        '*:: :->rest'
    case $state in
        command)
            local -a commands=(
            'export:write everything that is kept as JSON lines'
            'import:fill an empty data directory from an export'
            'check-journal:look for holes, wrong order, impossible times, and a search index that does not fit'
            'backup:copy the journal into a file, or keep the newest copies of it in a directory; the server may be running'
            'restore:put a copy of the journal in its place; the server must be stopped'
            'fingerprint:print the fingerprint of the server'\''s certificate, for whoever wants to compare it'
            'health:ask the running server whether all is well: exit code 0, or 1 and why not'
            'ready:ask it whether callers should be sent there: exit code 0, or 1 and why not'
            'doctor:look at this installation, and say what to do: exit code 0, or 1 if something is to be warned of, 2 if something must be done'
            'rooms:list, rename or delete rooms; the server must be stopped for all but list'
            'admin:ask a running server on this machine: who is connected, removing somebody, rooms, figures, the log, a reload'
            )
            _describe -t commands command commands
            ;;
        rest)
            case $line[1] in
                export) _chat_server__export ;;
                import) _chat_server__import ;;
                check-journal) _chat_server__check_journal ;;
                backup) _chat_server__backup ;;
                restore) _chat_server__restore ;;
                fingerprint) _chat_server__fingerprint ;;
                health) _chat_server__health ;;
                ready) _chat_server__ready ;;
                doctor) _chat_server__doctor ;;
                rooms) _chat_server__rooms ;;
                admin) _chat_server__admin ;;
            esac
            ;;
    esac
}

_chat_server__export() {
    _arguments -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--data)'--data'[as in chat-server --data]:DIR:_files -/' \
        '(--config)'--config'[as in chat-server --config]:FILE:_files' \
        '(--force)'--force'[replace FILE if it is there already]' \
        '(--with-secrets)'--with-secrets'[with hashes of passwords and digests of tokens, so that an import keeps logins]' \
        '::FILE:_files'
}

_chat_server__import() {
    _arguments -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--data)'--data'[as in chat-server --data]:DIR:_files -/' \
        '(--config)'--config'[as in chat-server --config]:FILE:_files' \
        '::FILE:_files'
}

_chat_server__check_journal() {
    _arguments -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--data)'--data'[as in chat-server --data]:DIR:_files -/' \
        '(--config)'--config'[as in chat-server --config]:FILE:_files'
}

_chat_server__backup() {
    _arguments -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--data)'--data'[as in chat-server --data]:DIR:_files -/' \
        '(--config)'--config'[as in chat-server --config]:FILE:_files' \
        '(--force)'--force'[replace FILE if it is there already]' \
        '(--keep)'--keep'[make a copy, named by number and time, in the directory FILE, look through it, and delete all but the newest N]:N: ' \
        '(--every)'--every'[do so again after each such time, as 24h, 90m or 7d, until it is stopped]:TIME: ' \
        '::FILE:_files'
}

_chat_server__restore() {
    _arguments -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--data)'--data'[as in chat-server --data]:DIR:_files -/' \
        '(--config)'--config'[as in chat-server --config]:FILE:_files' \
        '(--force)'--force'[put the journal aside that is there already]' \
        ':FILE:_files'
}

_chat_server__fingerprint() {
    _arguments -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--data)'--data'[as in chat-server --data]:DIR:_files -/' \
        '(--config)'--config'[as in chat-server --config]:FILE:_files'
}

_chat_server__health() {
    _arguments -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--data)'--data'[as in chat-server --data]:DIR:_files -/' \
        '(--config)'--config'[as in chat-server --config]:FILE:_files'
}

_chat_server__ready() {
    _arguments -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--data)'--data'[as in chat-server --data]:DIR:_files -/' \
        '(--config)'--config'[as in chat-server --config]:FILE:_files'
}

_chat_server__doctor() {
    _arguments -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--data)'--data'[as in chat-server --data]:DIR:_files -/' \
        '(--config)'--config'[as in chat-server --config]:FILE:_files' \
        '(--json)'--json'[write each finding as a line of JSON]'
}

_chat_server__rooms() {
    local context state state_descr line
    typeset -A opt_args
    _arguments -C -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--data)'--data'[as in chat-server --data]:DIR:_files -/' \
        '(--config)'--config'[as in chat-server --config]:FILE:_files' \
        ': :->command' \
        '*:: :->rest'
    case $state in
        command)
            local -a commands=(
            'list:list the rooms: number, name, lines, topic'
            'rename:give a room another name; what was said and its numbers stay'
            'delete:delete a room and everything said in it, for good'
            )
            _describe -t commands command commands
            ;;
        rest)
            case $line[1] in
                list) _chat_server__rooms__list ;;
                rename) _chat_server__rooms__rename ;;
                delete) _chat_server__rooms__delete ;;
            esac
            ;;
    esac
}

_chat_server__rooms__list() {
    _arguments -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--data)'--data'[as in chat-server --data]:DIR:_files -/' \
        '(--config)'--config'[as in chat-server --config]:FILE:_files'
}

_chat_server__rooms__rename() {
    _arguments -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--data)'--data'[as in chat-server --data]:DIR:_files -/' \
        '(--config)'--config'[as in chat-server --config]:FILE:_files' \
        ':ROOM: ' \
        ':NEW: '
}

_chat_server__rooms__delete() {
    _arguments -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--data)'--data'[as in chat-server --data]:DIR:_files -/' \
        '(--config)'--config'[as in chat-server --config]:FILE:_files' \
        '(--yes)'--yes'[do not ask]' \
        ':ROOM: '
}

_chat_server__admin() {
    local context state state_descr line
    typeset -A opt_args
    _arguments -C -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--data)'--data'[as in chat-server --data]:DIR:_files -/' \
        '(--config)'--config'[as in chat-server --config]:FILE:_files' \
        '(--json)'--json'[write the answers as JSON lines]' \
        ': :->command' \
        '*:: :->rest'
    case $state in
        command)
            local -a commands=(
            'who:list who is connected'
            'kick:end all connections of somebody, who is told why'
            'rooms:list the rooms (number, name, people, lines, topic), rename one, or delete one'
            'nodes:which nodes there are, where several are one server: people, when each was heard of last'
            'stats:how the server is: people, rooms, lines, what waits, how long commits take'
            'log-level:choose how much is logged until the server ends, or see how much is'
            'reload:read the configuration again, and the certificate of TLS, as SIGHUP does: all is used from now on, or nothing, and it is said why; which changed settings wait for a restart is said too'
            'owner:make a code by which somebody becomes an owner, who invites others; they need no account yet'
            'code:make a code that lets somebody in who has forgotten their password'
            'accounts:list the accounts, show one, end one for good, or take its end back'
            'devices:list the devices of an account, or drop one or all: their connections end at once'
            'role:make an account an admin or a moderator of the server, or neither'
            'panic:keep the server quiet while it is being raided, end that, or see how it is'
            )
            _describe -t commands command commands
            ;;
        rest)
            case $line[1] in
                who) _chat_server__admin__who ;;
                kick) _chat_server__admin__kick ;;
                rooms) _chat_server__admin__rooms ;;
                nodes) _chat_server__admin__nodes ;;
                stats) _chat_server__admin__stats ;;
                log-level) _chat_server__admin__log_level ;;
                reload) _chat_server__admin__reload ;;
                owner) _chat_server__admin__owner ;;
                code) _chat_server__admin__code ;;
                accounts) _chat_server__admin__accounts ;;
                devices) _chat_server__admin__devices ;;
                role) _chat_server__admin__role ;;
                panic) _chat_server__admin__panic ;;
            esac
            ;;
    esac
}

_chat_server__admin__who() {
    _arguments -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--data)'--data'[as in chat-server --data]:DIR:_files -/' \
        '(--config)'--config'[as in chat-server --config]:FILE:_files' \
        '(--json)'--json'[write the answers as JSON lines]'
}

_chat_server__admin__kick() {
    _arguments -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--data)'--data'[as in chat-server --data]:DIR:_files -/' \
        '(--config)'--config'[as in chat-server --config]:FILE:_files' \
        '(--json)'--json'[write the answers as JSON lines]' \
        ':NAME: ' \
        '*:REASON: '
}

_chat_server__admin__rooms() {
    local context state state_descr line
    typeset -A opt_args
    _arguments -C -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--data)'--data'[as in chat-server --data]:DIR:_files -/' \
        '(--config)'--config'[as in chat-server --config]:FILE:_files' \
        '(--json)'--json'[write the answers as JSON lines]' \
        ': :->command' \
        '*:: :->rest'
    case $state in
        command)
            local -a commands=(
            'rename:give a room another name; what was said and its numbers stay'
            'delete:delete a room and everything said in it, for good'
            )
            _describe -t commands command commands
            ;;
        rest)
            case $line[1] in
                rename) _chat_server__admin__rooms__rename ;;
                delete) _chat_server__admin__rooms__delete ;;
            esac
            ;;
    esac
}

_chat_server__admin__rooms__rename() {
    _arguments -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--data)'--data'[as in chat-server --data]:DIR:_files -/' \
        '(--config)'--config'[as in chat-server --config]:FILE:_files' \
        '(--json)'--json'[write the answers as JSON lines]' \
        ':ROOM: ' \
        ':NEW: '
}

_chat_server__admin__rooms__delete() {
    _arguments -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--data)'--data'[as in chat-server --data]:DIR:_files -/' \
        '(--config)'--config'[as in chat-server --config]:FILE:_files' \
        '(--yes)'--yes'[do not ask]' \
        '(--json)'--json'[write the answers as JSON lines]' \
        ':ROOM: '
}

_chat_server__admin__nodes() {
    _arguments -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--data)'--data'[as in chat-server --data]:DIR:_files -/' \
        '(--config)'--config'[as in chat-server --config]:FILE:_files' \
        '(--json)'--json'[write the answers as JSON lines]'
}

_chat_server__admin__stats() {
    _arguments -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--data)'--data'[as in chat-server --data]:DIR:_files -/' \
        '(--config)'--config'[as in chat-server --config]:FILE:_files' \
        '(--json)'--json'[write the answers as JSON lines]'
}

_chat_server__admin__log_level() {
    _arguments -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--data)'--data'[as in chat-server --data]:DIR:_files -/' \
        '(--config)'--config'[as in chat-server --config]:FILE:_files' \
        '(--json)'--json'[write the answers as JSON lines]' \
        '::LEVEL:(normal verbose)'
}

_chat_server__admin__reload() {
    _arguments -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--data)'--data'[as in chat-server --data]:DIR:_files -/' \
        '(--config)'--config'[as in chat-server --config]:FILE:_files' \
        '(--json)'--json'[write the answers as JSON lines]'
}

_chat_server__admin__owner() {
    _arguments -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--data)'--data'[as in chat-server --data]:DIR:_files -/' \
        '(--config)'--config'[as in chat-server --config]:FILE:_files' \
        '(--json)'--json'[write the answers as JSON lines]' \
        ':NAME: '
}

_chat_server__admin__code() {
    _arguments -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--data)'--data'[as in chat-server --data]:DIR:_files -/' \
        '(--config)'--config'[as in chat-server --config]:FILE:_files' \
        '(--long)'--long'[one that wrong tries do not make useless; it is a secret\: for TLS, or this machine]' \
        '(--json)'--json'[write the answers as JSON lines]' \
        ':NAME: '
}

_chat_server__admin__accounts() {
    _arguments -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--data)'--data'[as in chat-server --data]:DIR:_files -/' \
        '(--config)'--config'[as in chat-server --config]:FILE:_files' \
        '(--yes)'--yes'[do not ask]' \
        '(--json)'--json'[write the answers as JSON lines]' \
        '::NAME: ' \
        '::ACT:(close anonymise erase restore)'
}

_chat_server__admin__devices() {
    _arguments -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--data)'--data'[as in chat-server --data]:DIR:_files -/' \
        '(--config)'--config'[as in chat-server --config]:FILE:_files' \
        '(--json)'--json'[write the answers as JSON lines]' \
        ':NAME: ' \
        '::drop:(drop)' \
        '::NUMBER: '
}

_chat_server__admin__role() {
    _arguments -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--data)'--data'[as in chat-server --data]:DIR:_files -/' \
        '(--config)'--config'[as in chat-server --config]:FILE:_files' \
        '(--json)'--json'[write the answers as JSON lines]' \
        ':NAME: ' \
        ':ROLE:(admin moderator none)'
}

_chat_server__admin__panic() {
    _arguments -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--data)'--data'[as in chat-server --data]:DIR:_files -/' \
        '(--config)'--config'[as in chat-server --config]:FILE:_files' \
        '(--json)'--json'[write the answers as JSON lines]' \
        '::on|off:(on off)' \
        '::MINUTES: '
}

if [[ $funcstack[1] == _chat-server ]]; then
    _chat_server "$@"
else
    compdef _chat_server chat-server
fi
