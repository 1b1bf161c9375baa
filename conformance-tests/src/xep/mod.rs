//! XEPs that a server of today's network answers.

mod xep0012_last_activity;
mod xep0030_disco;
mod xep0049_private;
mod xep0054_vcard;
mod xep0077_register;
mod xep0092_version;
mod xep0115_caps;
mod xep0153_avatars;
mod xep0160_offline;
mod xep0191_blocking;
mod xep0198_stream_management;
mod xep0199_ping;
mod xep0202_time;
mod xep0203_delayed_delivery;
mod xep0280_carbons;
mod xep0313_mam;
mod xep0334_hints;
mod xep0352_client_state;
mod xep0357_push;
mod xep0359_stanza_ids;
mod xep0368_direct_tls;
mod xep0424_retraction;
mod xep0441_preferences;
mod xep0474_downgrade;
mod xep0478_limits;
