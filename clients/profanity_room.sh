#!/usr/bin/env bash
# Profanity in tmux: two users in a room. They enter, talk, see who is there, and one puts the other out.
# With WAXWING_SCREEN=FILE the screen of the room is written beside it as text.
set -euo pipefail

what='profanity in a room'
# shellcheck source=clients/profanity_common.sh
. "$(dirname "$0")/profanity_common.sh"

room=verona-$run@conference.$host

for who in anna ben; do
    start "$who" "$ca"
    see "$who" 'offline' ''
    name=$who-$run
    register "$who" "$name"
    login "$who" "$name"
    type_line "$who" '/presence room all'
    type_line "$who" /clear
done

type_line anna "/join $room nick Anna"
see anna 'Room locked, requires configuration' 'anna makes a room'
type_line anna '/room accept'
see anna 'Room unlocked' 'she takes it as it is'
type_line ben "/join $room nick Ben"
see anna 'Ben has joined the room' 'anna sees ben come'
see ben ' {10,}Anna *$' 'ben sees who is there'
type_line anna 'Good morrow, cousin. <&> ☃'
see ben 'Anna: Good morrow, cousin\. <&> ☃' 'ben reads what anna says'
type_line ben 'Is the day so young?'
see anna 'Ben: Is the day so young\?' 'anna reads what ben says'
type_line anna '/subject set But new struck nine'
see ben 'But new struck nine' 'ben sees the subject'
type_line ben '/nick Benvolio'
see anna 'Ben is now known as Benvolio' 'anna sees the new nick'
type_line anna '/occupants show'
see anna ' {10,}Benvolio *$' 'the list of occupants has it'
screen_file=${WAXWING_SCREEN:-}
shot anna "${screen_file%.txt}-room.txt"
type_line anna '/kick Benvolio Enough'
see anna 'Benvolio has been kicked' 'anna kicks ben'
see ben 'Kicked from .* by Anna, reason: Enough' 'ben is told'
type_line ben "/join $room nick Ben"
see anna ' {10,}Ben *$' 'ben comes back'
type_line anna "/ban $ben@$host Banished"
see ben 'Banned from .* by Anna, reason: Banished' 'anna bans ben'
type_line ben "/join $room nick Ben"
see ben 'Error joining room.*forbidden' 'ben is refused'
