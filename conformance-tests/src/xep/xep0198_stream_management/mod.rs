//! XEP-0198: stream management.

mod section_2_feature;
mod section_3_enabling;
mod section_4_acks;
mod section_4_from_the_client;
mod section_4_unhandled;
mod section_5_asleep;
mod section_5_refused;
mod section_5_resumption;
mod section_5_same_resource;
mod section_6_too_high;
mod section_7_closure;
