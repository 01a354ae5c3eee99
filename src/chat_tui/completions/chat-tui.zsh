#compdef chat-tui
# Made by scripts/manuals from the program's own parser: do not edit it.
_chat_tui() {
    local context state state_descr line
    typeset -A opt_args
    _arguments -C -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--nick)'--nick'[your nickname (default\: the one you had there last, or your user name)]:NICK: ' \
        '*--room[a room to be in; may be given again]:ROOM: ' \
        '(--profile)'--profile'[a profile of the settings]:NAME: ' \
        '(--config)'--config'[settings (default\: ~/.config/chat-tui/config.toml)]:FILE:_files' \
        '(--state)'--state'[where drafts, unsent lines and read positions are kept (default\: where the platform keeps them)]:DIR:_files -/' \
        '(--lang)'--lang'[the language in which chat-tui speaks\: en or zh (default\: as the settings or the environment say)]:LANGUAGE:(en zh)' \
        '(--theme)'--theme'[chat-dark, chat-light, one of Textual'\''s, or a file of yours (docs/chat-tui.md)]:NAME: ' \
        '(--plain)'--plain'[line by line, without panes\: for screen readers, and where output is no terminal]' \
        '(--plaintext)'--plaintext'[go on without encryption where the server has none, though nobody was asked or it had some before]' \
        '(--wait)'--wait'[with --plain\: how long to wait, after the input has ended, for everything to be stored (default\: as long as lines go on being stored, and 30 s more)]:SECONDS: ' \
        '(--password-file)'--password-file'[with --plain\: a file with the password in its first line, where nobody can be asked for it (/dev/fd/3 is one too)]:FILE:_files' \
        '(--slow-link)'--slow-link'[send the terminal as little as possible, in its own sixteen colours]' \
        '(--print-config)'--print-config'[print the settings as a commented TOML file and exit]' \
        '(--print-completion)'--print-completion'[print what has that shell complete these flags and commands, and exit]:bash|zsh|fish:(bash zsh fish)' \
        '(--version)'--version'[show program'\''s version number and exit]' \
        ': :->command' \
        '*:: :->rest'
    case $state in
        command)
            local -a commands=(
            'trust:accept a server'\''s certificate by its fingerprint'
            )
            _describe -t commands command commands
            _hosts
            ;;
        rest)
            case $line[1] in
                trust) _chat_tui__trust ;;
            esac
            ;;
    esac
}

_chat_tui__trust() {
    _arguments -s \
        '(-h --help)'{-h,--help}'[show this help message and exit]' \
        '(--state)'--state'[where known_servers is kept (default\: where the platform keeps it)]:DIR:_files -/' \
        ':HOST\[\:PORT\]: ' \
        '*:FINGERPRINT: '
}

if [[ $funcstack[1] == _chat-tui ]]; then
    _chat_tui "$@"
else
    compdef _chat_tui chat-tui
fi
