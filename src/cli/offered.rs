//! What a tier offers instead of the channel that was asked for, as a small table and for programs.

use super::humane;
use super::table::Table;
use super::{view, words};
use crate::api::proto::v1;
use jiff::Timestamp;
use serde::Serialize;

/// A channel that is offered.
#[derive(Serialize)]
pub(crate) struct Offered {
    channel: String,
    open_now: bool,
    opens_at: Option<Timestamp>,
    hours: Option<String>,
    respond_within_ms: i64,
    respond_by: Option<Timestamp>,
}

impl From<v1::OfferedChannel> for Offered {
    fn from(offered: v1::OfferedChannel) -> Self {
        Self {
            channel: words::channel(offered.channel),
            open_now: offered.open_now,
            opens_at: view::instant(offered.opens_at),
            hours: view::filled(offered.hours),
            respond_within_ms: view::ms(offered.respond_within.as_ref()),
            respond_by: view::instant(offered.respond_by),
        }
    }
}

/// A line a channel: whether it is open, when it opens, and how soon somebody answers there.
pub(crate) fn table(offered: &[Offered]) -> String {
    let mut table = Table::new()
        .left("offered instead")
        .left("now")
        .left("opens (UTC)")
        .left("answered within");
    for offered in offered {
        let opens = offered.opens_at.map_or_else(
            || "-".to_owned(),
            |at| {
                let at = at.strftime("%Y-%m-%d %H:%M").to_string();
                offered.hours.as_ref().map_or(at.clone(), |hours| format!("{at} {hours}"))
            },
        );
        table.row([
            (&offered.channel).into(),
            if offered.open_now { "open".into() } else { "closed".into() },
            opens.into(),
            humane::duration(offered.respond_within_ms).into(),
        ]);
    }
    table.to_string()
}

/// The table of what a refusal offers.
pub(crate) fn instead(refused: v1::ChannelNotOffered) -> String {
    let offered: Vec<_> = refused.offered.into_iter().map(Offered::from).collect();
    table(&offered).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered_instead_is_a_small_table() {
        let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let within = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
        let chat = v1::OfferedChannel {
            channel: v1::Channel::Chat.into(),
            open_now: false,
            opens_at: at(1_767_600_000),
            hours: "office".into(),
            respond_within: within(180),
            respond_by: at(1_767_600_180),
        };
        let email = v1::OfferedChannel {
            channel: v1::Channel::Email.into(),
            open_now: true,
            respond_within: within(7200),
            ..Default::default()
        };
        let refused = v1::ChannelNotOffered {
            tier: "lean".into(),
            channel: v1::Channel::Voice.into(),
            offered: vec![chat, email],
        };
        insta::assert_snapshot!(instead(refused), @r"
        offered instead  now     opens (UTC)              answered within
        chat             closed  2026-01-05 08:00 office  3m
        email            open    -                        2h
        ");
    }
}
