#!/usr/bin/env bash
# Profanity in tmux: two users register, log in over TLS, subscribe to each other, chat and leave.
# With WAXWING_SCREEN=FILE the screen of the chat is written there as text.
set -euo pipefail

# shellcheck source=clients/profanity_common.sh
. "$(dirname "$0")/profanity_common.sh"

both() {
    see "$1" "  $2@$host - both" "the roster of $1 says both" '/roster'
}

start anna "$ca"
start ben "$ca"
for who in anna ben; do
    see "$who" 'offline' ''
    name=$who-$run
    register "$who" "$name"
    login "$who" "$name"
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
shot anna "${WAXWING_SCREEN:-}"

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
screen_file=${WAXWING_SCREEN:-}
shot desk "${screen_file%.txt}-second-device.txt"
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
