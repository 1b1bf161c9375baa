//! x
use std::time::Duration;
use crate::Fallible;
use crate::federation::subject::Kind;
pub(crate) async fn run(_kind: &Kind, _domains: u32, _time: Duration, _moods: &[&str]) -> Fallible { Ok(()) }
