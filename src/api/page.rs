//! Page tokens: where a list goes on, as a text that callers only hand back.
//!
//! `1.l.<number>.<filters>` goes on after that live ticket, `1.f.<seq>.<filters>` before that event of
//! the history, `1.a.<filters>.<agent>` after that agent; numbers in hexadecimal. The first character is
//! the version, and the digest of the filters makes sure that the token is used for the same list.

use crate::engine::model::{AgentId, TicketNumber};
use crate::journal::Seq;

/// Where a list of tickets goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// With the live tickets after this one.
    Live(TicketNumber),
    /// With the finished tickets that ended before this event.
    Finished(Seq),
}

impl Place {
    /// The first of all tickets.
    pub(super) const START: Self = Self::Live(TicketNumber(0));
    /// The ticket that ended last.
    pub(super) const NEWEST_FINISHED: Self = Self::Finished(Seq(i64::MAX.cast_unsigned()));

    /// The token for this place in the list with those filters.
    pub(super) fn token(self, filters: u64) -> String {
        match self {
            Self::Live(TicketNumber(number)) => format!("1.l.{number:x}.{filters:x}"),
            Self::Finished(Seq(seq)) => format!("1.f.{seq:x}.{filters:x}"),
        }
    }

    /// The place that `token` means, if it is one of the list with those filters.
    pub(super) fn parse(token: &str, filters: u64) -> Option<Self> {
        let (kind, rest) = token.strip_prefix("1.")?.split_once('.')?;
        let (number, digest) = rest.split_once('.')?;
        let number = number_of(number).filter(|_| number_of(digest) == Some(filters))?;
        match kind {
            "l" => Some(Self::Live(TicketNumber(number))),
            "f" if i64::try_from(number).is_ok() => Some(Self::Finished(Seq(number))),
            _ => None,
        }
    }
}

/// The token for the agents after `agent` in the list with those filters.
pub(super) fn agent_token(agent: &AgentId, filters: u64) -> String {
    format!("1.a.{filters:x}.{agent}")
}

/// The agent after whom the list goes on.
pub(super) fn agent_place(token: &str, filters: u64) -> Option<AgentId> {
    let (digest, agent) = token.strip_prefix("1.a.")?.split_once('.')?;
    let is_ours = number_of(digest) == Some(filters) && super::validate::is_id(agent);
    is_ours.then(|| AgentId::new(agent))
}

/// A number as the tokens write it; a sign or capitals are not ours.
fn number_of(text: &str) -> Option<u64> {
    let is_ours = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    text.chars().all(is_ours).then(|| u64::from_str_radix(text, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_back_to_its_place() {
        for place in [
            Place::START,
            Place::Live(TicketNumber(u64::MAX)),
            Place::Finished(Seq(77)),
            Place::NEWEST_FINISHED,
        ] {
            assert_eq!(Place::parse(&place.token(9), 9), Some(place));
        }
        let agent = AgentId::new("a.b:c-1_2");
        assert_eq!(agent_place(&agent_token(&agent, 9), 9), Some(agent));
    }

    #[test]
    fn a_token_of_another_list_or_version_or_making_is_none() {
        let token = Place::Live(TicketNumber(5)).token(9);
        assert_eq!(Place::parse(&token, 8), None);
        for bad in
            ["", "1", "1.l", "1.l.5", "1.l.5.", "2.l.5.9", "1.x.5.9", "1.l.+5.9", "1.l.5.9.9"]
        {
            assert_eq!(Place::parse(bad, 9), None, "{bad}");
        }
        // Beyond what the history can count to.
        assert_eq!(Place::parse("1.f.ffffffffffffffff.9", 9), None);
        for bad in ["", "1.a.9", "1.a.9.", "1.a.8.x", "1.a.9.x y", "1.l.9.x"] {
            assert_eq!(agent_place(bad, 9), None, "{bad}");
        }
    }
}
