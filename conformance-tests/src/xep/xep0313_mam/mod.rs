//! XEP-0313: message archives of users.

mod section_3_archives;
mod section_3_ids;
mod section_4_1_filters;
mod section_4_1_form;
mod section_4_2_results;
mod section_4_3_paging;
mod section_5_metadata;
mod section_6_1_2_rooms;
mod section_6_kept;
mod section_6_rejected;
mod section_7_support;
mod section_8_privacy;

use crate::harness::archive::*;

/// Two users, the first of whom has sent the second messages with these bodies.
#[track_caller]
fn conversation(bodies: &[&str]) -> (Client, Client) {
    let (alice, bob) = (online(), online());
    for body in bodies {
        send!(alice, "<message to='{bob:#}' type='chat' id='{body}'><body>{body}</body></message>");
    }
    settle();
    (alice, bob)
}
