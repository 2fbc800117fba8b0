//! What a ticket has before it, in the words of the script.

use super::moment;
use crate::engine::Engine;
use crate::engine::model::{TicketId, Time};
use crate::engine::outlook::Prospect;
use std::fmt::Write as _;

/// `2 ahead, 1 of 3 hands free, 10s each`, and what else there is; a later step of overflow after `or`.
pub(super) fn outlook(id: &str, now: Time, engine: &Engine) -> String {
    let ticket = engine.ticket(&TicketId::new(id)).expect("a live ticket");
    let outlook = engine.outlook(ticket, now);
    let mut told: Vec<_> = std::iter::once(&outlook.now).chain(&outlook.later).map(one).collect();
    if let Some((wait_ms, ago_ms)) = outlook.last_entered_ms {
        let (wait, ago) = (moment(Time(wait_ms)), moment(Time(ago_ms)));
        told.push(format!("the last waited {wait}, {ago} ago"));
    }
    told.join(" or ")
}

fn one(prospect: &Prospect) -> String {
    let mut told = format!(
        "{} ahead, {} signed in, {} of {} hands free, {} each",
        prospect.ahead_count,
        prospect.signed_in_count,
        prospect.free_count,
        prospect.hand_count,
        moment(Time(prospect.handle_ms)),
    );
    if !prospect.handle_known {
        told.push_str(" assumed");
    }
    let mut more = |number: u64, what: &str| {
        if number > 0 {
            write!(told, ", {number} {what}").expect("a string takes it");
        }
    };
    more(prospect.spare_count.into(), "spare");
    more(prospect.reserve_gap.into(), "kept");
    more(prospect.overtaking_per_hour_milli / 1000, "an hour overtake");
    more(prospect.hang_ups_per_million_s, "ppm hang up");
    more(prospect.floor_permille.into(), "permille to the floor");
    if prospect.from_ms > 0 {
        write!(told, ", from {}", moment(Time(prospect.from_ms))).expect("a string takes it");
    }
    told
}
