# Made by scripts/manuals from the program's own parser: do not edit it.
function __chat_tui_is_at --description 'Whether the words so far are in this command, with this many of its places filled (-1: whatever)'
    set -l place ''
    set -l filled 0
    set -l skip 0
    for word in (commandline -opc)[2..]
        if test $skip = 1
            set skip 0
            continue
        end
        switch "$place:$word"
            case ':--nick' ':--room' ':--profile' ':--config' ':--state' ':--lang' ':--theme' ':--wait' ':--password-file' ':--print-completion'
                set skip 1
            case ':trust'
                set place 'trust'
                set filled 0
            case 'trust:--state'
                set skip 1
            case '*:-*'
            case '*'
                set filled (math $filled + 1)
        end
    end
    test "$place" = "$argv[1]"; and contains -- $argv[2] -1 $filled
end
complete -c chat-tui -f
complete -c chat-tui -n '__chat_tui_is_at "" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-tui -n '__chat_tui_is_at "" -1' -l nick -r -d 'your nickname (default: the one you had there last, or your user name)'
complete -c chat-tui -n '__chat_tui_is_at "" -1' -l room -r -d 'a room to be in; may be given again'
complete -c chat-tui -n '__chat_tui_is_at "" -1' -l profile -r -d 'a profile of the settings'
complete -c chat-tui -n '__chat_tui_is_at "" -1' -l config -r -F -d 'settings (default: ~/.config/chat-tui/config.toml)'
complete -c chat-tui -n '__chat_tui_is_at "" -1' -l state -r -a '(__fish_complete_directories)' -d 'where drafts, unsent lines and read positions are kept (default: where the platform keeps them)'
complete -c chat-tui -n '__chat_tui_is_at "" -1' -l lang -r -a 'en zh' -d 'the language in which chat-tui speaks: en or zh (default: as the settings or the environment say)'
complete -c chat-tui -n '__chat_tui_is_at "" -1' -l theme -r -d 'chat-dark, chat-light, one of Textual\'s, or a file of yours (docs/chat-tui.md)'
complete -c chat-tui -n '__chat_tui_is_at "" -1' -l plain -d 'line by line, without panes: for screen readers, and where output is no terminal'
complete -c chat-tui -n '__chat_tui_is_at "" -1' -l plaintext -d 'go on without encryption where the server has none, though nobody was asked or it had some before'
complete -c chat-tui -n '__chat_tui_is_at "" -1' -l wait -r -d 'with --plain: how long to wait, after the input has ended, for everything to be stored (default: as long as lines go on being stored, and 30 s more)'
complete -c chat-tui -n '__chat_tui_is_at "" -1' -l password-file -r -F -d 'with --plain: a file with the password in its first line, where nobody can be asked for it (/dev/fd/3 is one too)'
complete -c chat-tui -n '__chat_tui_is_at "" -1' -l slow-link -d 'send the terminal as little as possible, in its own sixteen colours'
complete -c chat-tui -n '__chat_tui_is_at "" -1' -l print-config -d 'print the settings as a commented TOML file and exit'
complete -c chat-tui -n '__chat_tui_is_at "" -1' -l print-completion -r -a 'bash zsh fish' -d 'print what has that shell complete these flags and commands, and exit'
complete -c chat-tui -n '__chat_tui_is_at "" -1' -l version -d 'show program\'s version number and exit'
complete -c chat-tui -n '__chat_tui_is_at "" 0' -a trust -d 'accept a server\'s certificate by its fingerprint'
complete -c chat-tui -n '__chat_tui_is_at "trust" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-tui -n '__chat_tui_is_at "trust" -1' -l state -r -a '(__fish_complete_directories)' -d 'where known_servers is kept (default: where the platform keeps it)'
