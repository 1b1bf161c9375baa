#!/usr/bin/env bash
# Profanity in tmux: two users register, log in over TLS, subscribe to each other, chat and leave.
# With WAXWING_SCREEN=FILE the screen of the chat is written there as text.
set -euo pipefail

host=${XMPP_HOST:-localhost}
address=${XMPP_ADDRESS:-127.0.0.1}
port=${XMPP_PORT:-5222}
ca=${XMPP_CA:?"XMPP_CA must name the certificate authority to trust"}
other_ca=${XMPP_OTHER_CA:?"XMPP_OTHER_CA must name an authority that did not sign the certificate"}
seconds=${XMPP_STEP_SECONDS:-20}
password='a long enough secret'
run=$(printf '%04x%04x' "$RANDOM" "$RANDOM")
anna=anna-$run
ben=ben-$run

scratch=$(mktemp -d)
trap 'tmux -L "waxwing-$run" kill-server 2>/dev/null || true; rm -rf "$scratch"' EXIT

ok() { echo "ok profanity: $1"; }

failed() {
    echo "FAILED profanity: $1"
    for who in anna ben desk stranger; do
        screen "$who" 2>/dev/null | grep -v '^ *$' | sed "s/^/    $who | /" || true
    done
    exit 1
}

# start WHO CA: a Profanity of its own, with its own files, that trusts CA.
start() {
    local home=$scratch/$1
    mkdir -p "$home/config/profanity" "$home/data"
    cat >"$home/config/profanity/profrc" <<'RC'
[ui]
splash=false
statuses.console=all
statuses.chat=all
console.roster=all
time.console=off
time.chat=off
[connection]
autoping=0
reconnect=0
[presence]
autoaway.mode=off
[otr]
log=off
RC
    tmux -L "waxwing-$run" -f /dev/null new-session -d -s "$1" -x 120 -y 40 \
        env -u SSL_CERT_DIR SSL_CERT_FILE="$2" XDG_CONFIG_HOME="$home/config" XDG_DATA_HOME="$home/data" \
        TERM=screen LC_ALL=C.UTF-8 profanity
}

stop() {
    type_line "$1" /quit
    local until=$((SECONDS + seconds))
    while tmux -L "waxwing-$run" has-session -t "$1" 2>/dev/null; do
        if [ "$SECONDS" -ge "$until" ]; then
            failed "$1 quits"
        fi
        sleep 0.1
    done
}

screen() { tmux -L "waxwing-$run" capture-pane -p -t "$1"; }

# type WHO LINE
type_line() {
    tmux -L "waxwing-$run" send-keys -t "$1" -l -- "$2"
    tmux -L "waxwing-$run" send-keys -t "$1" Enter
}

# see WHO PATTERN STEP [LINE]: waits until the screen matches PATTERN; types LINE every second meanwhile.
see() {
    local until=$((SECONDS + seconds)) tick=0
    until screen "$1" | grep -Eq -- "$2"; do
        if [ "$SECONDS" -ge "$until" ]; then
            failed "$3 (no '$2' for $seconds s)"
        fi
        if [ -n "${4:-}" ] && [ $((tick % 10)) -eq 0 ]; then
            type_line "$1" "$4"
        fi
        tick=$((tick + 1))
        sleep 0.1
    done
    if [ -n "$3" ]; then
        ok "$3"
    fi
}

register() {
    type_line "$1" "/register $2 $host port $port tls force"
    see "$1" 'Enter password:' ''
    type_line "$1" "$password"
    see "$1" 'Confirm password:' ''
    type_line "$1" "$password"
    see "$1" 'Registration successful' "registers $1"
    # Profanity 0.13 does not log in on the connection after a registration: it goes on as if it had. Start anew.
    stop "$1"
    start "$1" "$ca"
    see "$1" 'offline' ''
}

connect() {
    type_line "$1" "/connect $2@$host${4:-} server $address port $port tls force"
    see "$1" 'Enter password:' ''
    type_line "$1" "$3"
}

both() {
    see "$1" "  $2@$host - both" "the roster of $1 says both" '/roster'
}

tmux -L "waxwing-$run" -f /dev/null new-session -d -s keeper # the tmux server outlives the clients
start anna "$ca"
start ben "$ca"
for who in anna ben; do
    see "$who" 'offline' ''
    name=$who-$run
    register "$who" "$name"
    connect "$who" "$name" "$password"
    see "$who" "$name@$host/.* logged in successfully" "logs in $who"
    see "$who" '\[TLS\].*\[online\]' "the certificate is trusted by $who"
    type_line "$who" /clear
done

type_line anna "/sub request $ben@$host"
see ben "Received authorization request from $anna@$host" 'ben is asked by anna'
type_line ben "/sub allow $anna@$host"
see anna "Subscription received from $ben@$host" 'anna hears that ben agrees'
see anna "\\+\\+ $ben@$host .*is online" 'anna sees ben come'
type_line ben "/sub request $anna@$host"
see anna "Received authorization request from $ben@$host" 'anna is asked by ben'
type_line anna "/sub allow $ben@$host"
see ben "Subscription received from $anna@$host" 'ben hears that anna agrees'
see ben "\\+\\+ $anna@$host .*is online" 'ben sees anna come'
both anna "$ben"
both ben "$anna"

type_line anna "/msg $ben@$host Did my heart love till now? <&> ☃"
type_line ben "/win $anna@$host"
see ben "Did my heart love till now\? <&> ☃" 'the body is unchanged'
type_line ben "Forswear it, sight."
see anna "Forswear it, sight\." 'anna reads the answer'
if [ -n "${WAXWING_SCREEN:-}" ]; then
    screen anna | sed "s/-$run//g; s/[[:space:]]*\$//" | cat -s >"$WAXWING_SCREEN"
fi

# A second device of anna: copies of what comes and goes elsewhere (XEP-0280). Profanity 0.13 looks for an archive at the
# server's own address only, and does not resume streams: aioxmpp_devices.py and slixmpp_devices.py do both.
start desk "$ca"
see desk 'offline' ''
type_line desk '/carbons on'
connect desk "$anna" "$password" /desk
see desk "$anna@$host/.* logged in successfully" 'anna logs in on a second device'
type_line desk "/msg $ben@$host"
type_line anna '/win 2'
type_line anna "For I ne'er saw true beauty"
see desk "For I ne'er saw true beauty" 'it sees what anna says elsewhere'
type_line ben "till this night."
see desk 'till this night\.' 'it sees what ben answers'
see anna 'till this night\.' ''
if [ -n "${WAXWING_SCREEN:-}" ]; then
    screen desk | sed "s/-$run//g; s/[[:space:]]*\$//" | cat -s >"${WAXWING_SCREEN%.txt}-second-device.txt"
fi
type_line desk /disconnect
see desk 'offline' ''

type_line ben /disconnect
see ben 'offline' 'ben logs out'
type_line anna '/win 1'
see anna "-- $ben@$host .*is offline" 'anna sees ben go'

connect ben "$ben" 'not the password'
see ben 'Login failed' 'a wrong password is refused'

start stranger "$other_ca"
see stranger 'offline' ''
connect stranger "$ben" "$password"
see stranger '(TLS certificate verification failed|/tls allow|untrusted)' 'a certificate of an unknown authority is refused'
if screen stranger | grep -q 'logged in successfully'; then
    failed 'a certificate of an unknown authority is refused'
fi
