# Made by scripts/manuals from the program's own parser: do not edit it.
function __chat_server_is_at --description 'Whether the words so far are in this command, with this many of its places filled (-1: whatever)'
    set -l place ''
    set -l filled 0
    set -l skip 0
    for word in (commandline -opc)[2..]
        if test $skip = 1
            set skip 0
            continue
        end
        switch "$place:$word"
            case ':--host' ':--port' ':--config' ':--data' ':--log-format' ':--print-completion'
                set skip 1
            case ':export'
                set place 'export'
                set filled 0
            case ':import'
                set place 'import'
                set filled 0
            case ':check-journal'
                set place 'check-journal'
                set filled 0
            case ':backup'
                set place 'backup'
                set filled 0
            case ':restore'
                set place 'restore'
                set filled 0
            case ':fingerprint'
                set place 'fingerprint'
                set filled 0
            case ':health'
                set place 'health'
                set filled 0
            case ':ready'
                set place 'ready'
                set filled 0
            case ':doctor'
                set place 'doctor'
                set filled 0
            case ':rooms'
                set place 'rooms'
                set filled 0
            case ':admin'
                set place 'admin'
                set filled 0
            case 'export:--data' 'export:--config'
                set skip 1
            case 'import:--data' 'import:--config'
                set skip 1
            case 'check-journal:--data' 'check-journal:--config'
                set skip 1
            case 'backup:--data' 'backup:--config' 'backup:--keep' 'backup:--every'
                set skip 1
            case 'restore:--data' 'restore:--config'
                set skip 1
            case 'fingerprint:--data' 'fingerprint:--config'
                set skip 1
            case 'health:--data' 'health:--config'
                set skip 1
            case 'ready:--data' 'ready:--config'
                set skip 1
            case 'doctor:--data' 'doctor:--config'
                set skip 1
            case 'rooms:--data' 'rooms:--config'
                set skip 1
            case 'rooms:list'
                set place 'rooms list'
                set filled 0
            case 'rooms:rename'
                set place 'rooms rename'
                set filled 0
            case 'rooms:delete'
                set place 'rooms delete'
                set filled 0
            case 'rooms list:--data' 'rooms list:--config'
                set skip 1
            case 'rooms rename:--data' 'rooms rename:--config'
                set skip 1
            case 'rooms delete:--data' 'rooms delete:--config'
                set skip 1
            case 'admin:--data' 'admin:--config'
                set skip 1
            case 'admin:who'
                set place 'admin who'
                set filled 0
            case 'admin:kick'
                set place 'admin kick'
                set filled 0
            case 'admin:rooms'
                set place 'admin rooms'
                set filled 0
            case 'admin:nodes'
                set place 'admin nodes'
                set filled 0
            case 'admin:stats'
                set place 'admin stats'
                set filled 0
            case 'admin:log-level'
                set place 'admin log-level'
                set filled 0
            case 'admin:reload'
                set place 'admin reload'
                set filled 0
            case 'admin:owner'
                set place 'admin owner'
                set filled 0
            case 'admin:code'
                set place 'admin code'
                set filled 0
            case 'admin:accounts'
                set place 'admin accounts'
                set filled 0
            case 'admin:devices'
                set place 'admin devices'
                set filled 0
            case 'admin:role'
                set place 'admin role'
                set filled 0
            case 'admin:panic'
                set place 'admin panic'
                set filled 0
            case 'admin who:--data' 'admin who:--config'
                set skip 1
            case 'admin kick:--data' 'admin kick:--config'
                set skip 1
            case 'admin rooms:--data' 'admin rooms:--config'
                set skip 1
            case 'admin rooms:rename'
                set place 'admin rooms rename'
                set filled 0
            case 'admin rooms:delete'
                set place 'admin rooms delete'
                set filled 0
            case 'admin rooms rename:--data' 'admin rooms rename:--config'
                set skip 1
            case 'admin rooms delete:--data' 'admin rooms delete:--config'
                set skip 1
            case 'admin nodes:--data' 'admin nodes:--config'
                set skip 1
            case 'admin stats:--data' 'admin stats:--config'
                set skip 1
            case 'admin log-level:--data' 'admin log-level:--config'
                set skip 1
            case 'admin reload:--data' 'admin reload:--config'
                set skip 1
            case 'admin owner:--data' 'admin owner:--config'
                set skip 1
            case 'admin code:--data' 'admin code:--config'
                set skip 1
            case 'admin accounts:--data' 'admin accounts:--config'
                set skip 1
            case 'admin devices:--data' 'admin devices:--config'
                set skip 1
            case 'admin role:--data' 'admin role:--config'
                set skip 1
            case 'admin panic:--data' 'admin panic:--config'
                set skip 1
            case '*:-*'
            case '*'
                set filled (math $filled + 1)
        end
    end
    test "$place" = "$argv[1]"; and contains -- $argv[2] -1 $filled
end
complete -c chat-server -f
complete -c chat-server -n '__chat_server_is_at "" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "" -1' -l host -r -d 'address to listen on (default: 127.0.0.1, this machine only; 0.0.0.0 for everybody; /PATH for a Unix socket)'
complete -c chat-server -n '__chat_server_is_at "" -1' -l port -r -d 'port to listen on (default: 5000; 0: any free one)'
complete -c chat-server -n '__chat_server_is_at "" -1' -l config -r -F -d 'read settings from this TOML file; flags override it'
complete -c chat-server -n '__chat_server_is_at "" -1' -l data -r -a '(__fish_complete_directories)' -d 'directory in which what is said is kept (default: where the platform keeps the data of programs)'
complete -c chat-server -n '__chat_server_is_at "" -1' -l log-format -r -a 'text json' -d 'log for people or for machines (default: text)'
complete -c chat-server -n '__chat_server_is_at "" -1' -s v -l verbose -d 'also log every caller who comes and goes'
complete -c chat-server -n '__chat_server_is_at "" -1' -l replace -d 'take the place of the server that has this data directory: whoever calls meanwhile waits a moment, and nothing is lost'
complete -c chat-server -n '__chat_server_is_at "" -1' -l version -d 'show program\'s version number and exit'
complete -c chat-server -n '__chat_server_is_at "" -1' -l check-config -d 'say what would be in the way of a start with these settings, and what is dangerous, and exit'
complete -c chat-server -n '__chat_server_is_at "" -1' -l print-config -d 'print the settings as a commented TOML file and exit'
complete -c chat-server -n '__chat_server_is_at "" -1' -l print-completion -r -a 'bash zsh fish' -d 'print what has that shell complete these flags and commands, and exit'
complete -c chat-server -n '__chat_server_is_at "" 0' -a export -d 'write everything that is kept as JSON lines'
complete -c chat-server -n '__chat_server_is_at "" 0' -a import -d 'fill an empty data directory from an export'
complete -c chat-server -n '__chat_server_is_at "" 0' -a check-journal -d 'look for holes, wrong order, impossible times, and a search index that does not fit'
complete -c chat-server -n '__chat_server_is_at "" 0' -a backup -d 'copy the journal into a file, or keep the newest copies of it in a directory; the server may be running'
complete -c chat-server -n '__chat_server_is_at "" 0' -a restore -d 'put a copy of the journal in its place; the server must be stopped'
complete -c chat-server -n '__chat_server_is_at "" 0' -a fingerprint -d 'print the fingerprint of the server\'s certificate, for whoever wants to compare it'
complete -c chat-server -n '__chat_server_is_at "" 0' -a health -d 'ask the running server whether all is well: exit code 0, or 1 and why not'
complete -c chat-server -n '__chat_server_is_at "" 0' -a ready -d 'ask it whether callers should be sent there: exit code 0, or 1 and why not'
complete -c chat-server -n '__chat_server_is_at "" 0' -a doctor -d 'look at this installation, and say what to do: exit code 0, or 1 if something is to be warned of, 2 if something must be done'
complete -c chat-server -n '__chat_server_is_at "" 0' -a rooms -d 'list, rename or delete rooms; the server must be stopped for all but list'
complete -c chat-server -n '__chat_server_is_at "" 0' -a admin -d 'ask a running server on this machine: who is connected, removing somebody, rooms, figures, the log, a reload'
complete -c chat-server -n '__chat_server_is_at "export" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "export" -1' -l data -r -a '(__fish_complete_directories)' -d 'as in chat-server --data'
complete -c chat-server -n '__chat_server_is_at "export" -1' -l config -r -F -d 'as in chat-server --config'
complete -c chat-server -n '__chat_server_is_at "export" -1' -l force -d 'replace FILE if it is there already'
complete -c chat-server -n '__chat_server_is_at "export" -1' -l with-secrets -d 'with hashes of passwords and digests of tokens, so that an import keeps logins'
complete -c chat-server -n '__chat_server_is_at "export" 0' -F
complete -c chat-server -n '__chat_server_is_at "import" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "import" -1' -l data -r -a '(__fish_complete_directories)' -d 'as in chat-server --data'
complete -c chat-server -n '__chat_server_is_at "import" -1' -l config -r -F -d 'as in chat-server --config'
complete -c chat-server -n '__chat_server_is_at "import" 0' -F
complete -c chat-server -n '__chat_server_is_at "check-journal" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "check-journal" -1' -l data -r -a '(__fish_complete_directories)' -d 'as in chat-server --data'
complete -c chat-server -n '__chat_server_is_at "check-journal" -1' -l config -r -F -d 'as in chat-server --config'
complete -c chat-server -n '__chat_server_is_at "backup" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "backup" -1' -l data -r -a '(__fish_complete_directories)' -d 'as in chat-server --data'
complete -c chat-server -n '__chat_server_is_at "backup" -1' -l config -r -F -d 'as in chat-server --config'
complete -c chat-server -n '__chat_server_is_at "backup" -1' -l force -d 'replace FILE if it is there already'
complete -c chat-server -n '__chat_server_is_at "backup" -1' -l keep -r -d 'make a copy, named by number and time, in the directory FILE, look through it, and delete all but the newest N'
complete -c chat-server -n '__chat_server_is_at "backup" -1' -l every -r -d 'do so again after each such time, as 24h, 90m or 7d, until it is stopped'
complete -c chat-server -n '__chat_server_is_at "backup" 0' -F
complete -c chat-server -n '__chat_server_is_at "restore" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "restore" -1' -l data -r -a '(__fish_complete_directories)' -d 'as in chat-server --data'
complete -c chat-server -n '__chat_server_is_at "restore" -1' -l config -r -F -d 'as in chat-server --config'
complete -c chat-server -n '__chat_server_is_at "restore" -1' -l force -d 'put the journal aside that is there already'
complete -c chat-server -n '__chat_server_is_at "restore" 0' -F
complete -c chat-server -n '__chat_server_is_at "fingerprint" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "fingerprint" -1' -l data -r -a '(__fish_complete_directories)' -d 'as in chat-server --data'
complete -c chat-server -n '__chat_server_is_at "fingerprint" -1' -l config -r -F -d 'as in chat-server --config'
complete -c chat-server -n '__chat_server_is_at "health" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "health" -1' -l data -r -a '(__fish_complete_directories)' -d 'as in chat-server --data'
complete -c chat-server -n '__chat_server_is_at "health" -1' -l config -r -F -d 'as in chat-server --config'
complete -c chat-server -n '__chat_server_is_at "ready" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "ready" -1' -l data -r -a '(__fish_complete_directories)' -d 'as in chat-server --data'
complete -c chat-server -n '__chat_server_is_at "ready" -1' -l config -r -F -d 'as in chat-server --config'
complete -c chat-server -n '__chat_server_is_at "doctor" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "doctor" -1' -l data -r -a '(__fish_complete_directories)' -d 'as in chat-server --data'
complete -c chat-server -n '__chat_server_is_at "doctor" -1' -l config -r -F -d 'as in chat-server --config'
complete -c chat-server -n '__chat_server_is_at "doctor" -1' -l json -d 'write each finding as a line of JSON'
complete -c chat-server -n '__chat_server_is_at "rooms" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "rooms" -1' -l data -r -a '(__fish_complete_directories)' -d 'as in chat-server --data'
complete -c chat-server -n '__chat_server_is_at "rooms" -1' -l config -r -F -d 'as in chat-server --config'
complete -c chat-server -n '__chat_server_is_at "rooms" 0' -a list -d 'list the rooms: number, name, lines, topic'
complete -c chat-server -n '__chat_server_is_at "rooms" 0' -a rename -d 'give a room another name; what was said and its numbers stay'
complete -c chat-server -n '__chat_server_is_at "rooms" 0' -a delete -d 'delete a room and everything said in it, for good'
complete -c chat-server -n '__chat_server_is_at "rooms list" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "rooms list" -1' -l data -r -a '(__fish_complete_directories)' -d 'as in chat-server --data'
complete -c chat-server -n '__chat_server_is_at "rooms list" -1' -l config -r -F -d 'as in chat-server --config'
complete -c chat-server -n '__chat_server_is_at "rooms rename" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "rooms rename" -1' -l data -r -a '(__fish_complete_directories)' -d 'as in chat-server --data'
complete -c chat-server -n '__chat_server_is_at "rooms rename" -1' -l config -r -F -d 'as in chat-server --config'
complete -c chat-server -n '__chat_server_is_at "rooms delete" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "rooms delete" -1' -l data -r -a '(__fish_complete_directories)' -d 'as in chat-server --data'
complete -c chat-server -n '__chat_server_is_at "rooms delete" -1' -l config -r -F -d 'as in chat-server --config'
complete -c chat-server -n '__chat_server_is_at "rooms delete" -1' -l yes -d 'do not ask'
complete -c chat-server -n '__chat_server_is_at "admin" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "admin" -1' -l data -r -a '(__fish_complete_directories)' -d 'as in chat-server --data'
complete -c chat-server -n '__chat_server_is_at "admin" -1' -l config -r -F -d 'as in chat-server --config'
complete -c chat-server -n '__chat_server_is_at "admin" -1' -l json -d 'write the answers as JSON lines'
complete -c chat-server -n '__chat_server_is_at "admin" 0' -a who -d 'list who is connected'
complete -c chat-server -n '__chat_server_is_at "admin" 0' -a kick -d 'end all connections of somebody, who is told why'
complete -c chat-server -n '__chat_server_is_at "admin" 0' -a rooms -d 'list the rooms (number, name, people, lines, topic), rename one, or delete one'
complete -c chat-server -n '__chat_server_is_at "admin" 0' -a nodes -d 'which nodes there are, where several are one server: people, when each was heard of last'
complete -c chat-server -n '__chat_server_is_at "admin" 0' -a stats -d 'how the server is: people, rooms, lines, what waits, how long commits take'
complete -c chat-server -n '__chat_server_is_at "admin" 0' -a log-level -d 'choose how much is logged until the server ends, or see how much is'
complete -c chat-server -n '__chat_server_is_at "admin" 0' -a reload -d 'read the configuration again, and the certificate of TLS, as SIGHUP does: all is used from now on, or nothing, and it is said why; which changed settings wait for a restart is said too'
complete -c chat-server -n '__chat_server_is_at "admin" 0' -a owner -d 'make a code by which somebody becomes an owner, who invites others; they need no account yet'
complete -c chat-server -n '__chat_server_is_at "admin" 0' -a code -d 'make a code that lets somebody in who has forgotten their password'
complete -c chat-server -n '__chat_server_is_at "admin" 0' -a accounts -d 'list the accounts, show one, end one for good, or take its end back'
complete -c chat-server -n '__chat_server_is_at "admin" 0' -a devices -d 'list the devices of an account, or drop one or all: their connections end at once'
complete -c chat-server -n '__chat_server_is_at "admin" 0' -a role -d 'make an account an admin or a moderator of the server, or neither'
complete -c chat-server -n '__chat_server_is_at "admin" 0' -a panic -d 'keep the server quiet while it is being raided, end that, or see how it is'
complete -c chat-server -n '__chat_server_is_at "admin who" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "admin who" -1' -l data -r -a '(__fish_complete_directories)' -d 'as in chat-server --data'
complete -c chat-server -n '__chat_server_is_at "admin who" -1' -l config -r -F -d 'as in chat-server --config'
complete -c chat-server -n '__chat_server_is_at "admin who" -1' -l json -d 'write the answers as JSON lines'
complete -c chat-server -n '__chat_server_is_at "admin kick" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "admin kick" -1' -l data -r -a '(__fish_complete_directories)' -d 'as in chat-server --data'
complete -c chat-server -n '__chat_server_is_at "admin kick" -1' -l config -r -F -d 'as in chat-server --config'
complete -c chat-server -n '__chat_server_is_at "admin kick" -1' -l json -d 'write the answers as JSON lines'
complete -c chat-server -n '__chat_server_is_at "admin rooms" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "admin rooms" -1' -l data -r -a '(__fish_complete_directories)' -d 'as in chat-server --data'
complete -c chat-server -n '__chat_server_is_at "admin rooms" -1' -l config -r -F -d 'as in chat-server --config'
complete -c chat-server -n '__chat_server_is_at "admin rooms" -1' -l json -d 'write the answers as JSON lines'
complete -c chat-server -n '__chat_server_is_at "admin rooms" 0' -a rename -d 'give a room another name; what was said and its numbers stay'
complete -c chat-server -n '__chat_server_is_at "admin rooms" 0' -a delete -d 'delete a room and everything said in it, for good'
complete -c chat-server -n '__chat_server_is_at "admin rooms rename" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "admin rooms rename" -1' -l data -r -a '(__fish_complete_directories)' -d 'as in chat-server --data'
complete -c chat-server -n '__chat_server_is_at "admin rooms rename" -1' -l config -r -F -d 'as in chat-server --config'
complete -c chat-server -n '__chat_server_is_at "admin rooms rename" -1' -l json -d 'write the answers as JSON lines'
complete -c chat-server -n '__chat_server_is_at "admin rooms delete" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "admin rooms delete" -1' -l data -r -a '(__fish_complete_directories)' -d 'as in chat-server --data'
complete -c chat-server -n '__chat_server_is_at "admin rooms delete" -1' -l config -r -F -d 'as in chat-server --config'
complete -c chat-server -n '__chat_server_is_at "admin rooms delete" -1' -l yes -d 'do not ask'
complete -c chat-server -n '__chat_server_is_at "admin rooms delete" -1' -l json -d 'write the answers as JSON lines'
complete -c chat-server -n '__chat_server_is_at "admin nodes" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "admin nodes" -1' -l data -r -a '(__fish_complete_directories)' -d 'as in chat-server --data'
complete -c chat-server -n '__chat_server_is_at "admin nodes" -1' -l config -r -F -d 'as in chat-server --config'
complete -c chat-server -n '__chat_server_is_at "admin nodes" -1' -l json -d 'write the answers as JSON lines'
complete -c chat-server -n '__chat_server_is_at "admin stats" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "admin stats" -1' -l data -r -a '(__fish_complete_directories)' -d 'as in chat-server --data'
complete -c chat-server -n '__chat_server_is_at "admin stats" -1' -l config -r -F -d 'as in chat-server --config'
complete -c chat-server -n '__chat_server_is_at "admin stats" -1' -l json -d 'write the answers as JSON lines'
complete -c chat-server -n '__chat_server_is_at "admin log-level" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "admin log-level" -1' -l data -r -a '(__fish_complete_directories)' -d 'as in chat-server --data'
complete -c chat-server -n '__chat_server_is_at "admin log-level" -1' -l config -r -F -d 'as in chat-server --config'
complete -c chat-server -n '__chat_server_is_at "admin log-level" -1' -l json -d 'write the answers as JSON lines'
complete -c chat-server -n '__chat_server_is_at "admin log-level" 0' -a 'normal verbose'
complete -c chat-server -n '__chat_server_is_at "admin reload" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "admin reload" -1' -l data -r -a '(__fish_complete_directories)' -d 'as in chat-server --data'
complete -c chat-server -n '__chat_server_is_at "admin reload" -1' -l config -r -F -d 'as in chat-server --config'
complete -c chat-server -n '__chat_server_is_at "admin reload" -1' -l json -d 'write the answers as JSON lines'
complete -c chat-server -n '__chat_server_is_at "admin owner" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "admin owner" -1' -l data -r -a '(__fish_complete_directories)' -d 'as in chat-server --data'
complete -c chat-server -n '__chat_server_is_at "admin owner" -1' -l config -r -F -d 'as in chat-server --config'
complete -c chat-server -n '__chat_server_is_at "admin owner" -1' -l json -d 'write the answers as JSON lines'
complete -c chat-server -n '__chat_server_is_at "admin code" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "admin code" -1' -l data -r -a '(__fish_complete_directories)' -d 'as in chat-server --data'
complete -c chat-server -n '__chat_server_is_at "admin code" -1' -l config -r -F -d 'as in chat-server --config'
complete -c chat-server -n '__chat_server_is_at "admin code" -1' -l long -d 'one that wrong tries do not make useless; it is a secret: for TLS, or this machine'
complete -c chat-server -n '__chat_server_is_at "admin code" -1' -l json -d 'write the answers as JSON lines'
complete -c chat-server -n '__chat_server_is_at "admin accounts" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "admin accounts" -1' -l data -r -a '(__fish_complete_directories)' -d 'as in chat-server --data'
complete -c chat-server -n '__chat_server_is_at "admin accounts" -1' -l config -r -F -d 'as in chat-server --config'
complete -c chat-server -n '__chat_server_is_at "admin accounts" -1' -l yes -d 'do not ask'
complete -c chat-server -n '__chat_server_is_at "admin accounts" -1' -l json -d 'write the answers as JSON lines'
complete -c chat-server -n '__chat_server_is_at "admin accounts" 1' -a 'close anonymise erase restore'
complete -c chat-server -n '__chat_server_is_at "admin devices" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "admin devices" -1' -l data -r -a '(__fish_complete_directories)' -d 'as in chat-server --data'
complete -c chat-server -n '__chat_server_is_at "admin devices" -1' -l config -r -F -d 'as in chat-server --config'
complete -c chat-server -n '__chat_server_is_at "admin devices" -1' -l json -d 'write the answers as JSON lines'
complete -c chat-server -n '__chat_server_is_at "admin devices" 1' -a 'drop'
complete -c chat-server -n '__chat_server_is_at "admin role" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "admin role" -1' -l data -r -a '(__fish_complete_directories)' -d 'as in chat-server --data'
complete -c chat-server -n '__chat_server_is_at "admin role" -1' -l config -r -F -d 'as in chat-server --config'
complete -c chat-server -n '__chat_server_is_at "admin role" -1' -l json -d 'write the answers as JSON lines'
complete -c chat-server -n '__chat_server_is_at "admin role" 1' -a 'admin moderator none'
complete -c chat-server -n '__chat_server_is_at "admin panic" -1' -s h -l help -d 'show this help message and exit'
complete -c chat-server -n '__chat_server_is_at "admin panic" -1' -l data -r -a '(__fish_complete_directories)' -d 'as in chat-server --data'
complete -c chat-server -n '__chat_server_is_at "admin panic" -1' -l config -r -F -d 'as in chat-server --config'
complete -c chat-server -n '__chat_server_is_at "admin panic" -1' -l json -d 'write the answers as JSON lines'
complete -c chat-server -n '__chat_server_is_at "admin panic" 0' -a 'on off'
