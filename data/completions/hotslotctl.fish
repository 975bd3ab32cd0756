# What hotslotctl may be told, for fish.

set -l commands list stats watch call drain recycle reload help
set -l orders need errors waiting starting running idle busy validating resetting pinged resource_waiters acquired timed_out cancelled shed \
    shed_overloaded shed_late failed launched launch_failed detached_slots leaked

function __hotslotctl_functions
    set -l connection
    set -l words (commandline -opc)
    for i in (seq 2 (count $words))
        if contains -- $words[$i] --admin --token-file --cacert --cert --key
            set -a connection $words[$i] $words[(math $i + 1)]
        end
    end
    hotslotctl $connection --timeout 1 list 2>/dev/null | awk 'NR > 1 { print $1 }'
end

complete -c hotslotctl -f
complete -c hotslotctl -l admin -x -d 'The admin address'
complete -c hotslotctl -l token-file -r -F -d 'A file whose first token is shown to the server'
complete -c hotslotctl -l cacert -r -F -d "Who signs the server's certificate"
complete -c hotslotctl -l cert -r -F -d 'The certificate to be known by'
complete -c hotslotctl -l key -r -F -d 'Its key'
complete -c hotslotctl -l timeout -x -d 'For a connection, and for an answer'
complete -c hotslotctl -l json -d 'Print JSON'
complete -c hotslotctl -s h -l help -d 'Print a help text and exit'
complete -c hotslotctl -l version -d 'Print the version and exit'

complete -c hotslotctl -n "not __fish_seen_subcommand_from $commands" -a list -d 'The functions'
complete -c hotslotctl -n "not __fish_seen_subcommand_from $commands" -a stats -d 'Figures of the server, or of one function'
complete -c hotslotctl -n "not __fish_seen_subcommand_from $commands" -a watch -d 'Figures again and again'
complete -c hotslotctl -n "not __fish_seen_subcommand_from $commands" -a call -d 'Call a function'
complete -c hotslotctl -n "not __fish_seen_subcommand_from $commands" -a drain -d 'Finish the calls that run, and end the server'
complete -c hotslotctl -n "not __fish_seen_subcommand_from $commands" -a recycle -d "Replace a function's workers"
complete -c hotslotctl -n "not __fish_seen_subcommand_from $commands" -a reload -d 'Put the configuration file in force again'
complete -c hotslotctl -n "not __fish_seen_subcommand_from $commands" -a help -d 'Print a help text'

complete -c hotslotctl -n '__fish_seen_subcommand_from stats call recycle' -a '(__hotslotctl_functions)'
complete -c hotslotctl -n '__fish_seen_subcommand_from help' -a "$commands"
complete -c hotslotctl -n '__fish_seen_subcommand_from list watch' -l by -x -a "$orders" -d 'What comes first'
complete -c hotslotctl -n '__fish_seen_subcommand_from list watch' -l match -x -d 'Only those that have the text'
complete -c hotslotctl -n '__fish_seen_subcommand_from watch' -l interval -x -d 'Between figures'
complete -c hotslotctl -n '__fish_seen_subcommand_from call' -s d -l data -x -d 'The body, or @ and a file'
complete -c hotslotctl -n '__fish_seen_subcommand_from call' -s H -l header -x -d 'To be sent along'
complete -c hotslotctl -n '__fish_seen_subcommand_from call' -s i -l include -d 'Print status and headers, too'
