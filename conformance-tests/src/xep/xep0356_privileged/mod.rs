//! XEP-0356: components that act for the accounts of a host, as far as the operator lets them.

mod section_4_roster;
mod section_5_messages;
mod section_6_iq;
mod section_7_presence;

use crate::harness::component::{GATEWAY, PRIVILEGED, READER};
use crate::harness::*;

const NS: &str = "urn:xmpp:privilege:2";

/// A component that the server knows to be there.
#[track_caller]
fn privileged(name: &'static str) -> Component {
    let component = Component::connect(name);
    component.sync();
    component
}
