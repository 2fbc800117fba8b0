//! What is remembered of a decision as a message.

use super::ticket::{decode_channel, decode_pool, decode_tier, encode_channel};
use super::{Error, v1};
use crate::engine::compared::{Compared, ComparedHead};
use crate::engine::model::{PoolSet, TicketNumber};

const FIELD: &str = "compared";

pub(super) fn encode_compared(compared: Option<&Compared>) -> Option<v1::Compared> {
    let Compared { heads, heads_count } = compared?;
    let queue = |head: &ComparedHead| {
        u32::from(head.tier.0) + 64 * encode_channel(head.channel).cast_unsigned()
    };
    let marks = |head: &ComparedHead| {
        let held_by = head.held_by.map_or(0, |pool| 1 + u32::from(pool.0));
        u32::from(head.at_risk)
            | u32::from(head.starving) << 1
            | u32::from(head.via.0) << 2
            | held_by << 8
    };
    Some(v1::Compared {
        tickets: heads.iter().map(|head| head.ticket.0).collect(),
        queues: heads.iter().map(queue).collect(),
        pools: heads.iter().map(|head| head.pools.0).collect(),
        slacks_ms: heads.iter().map(|head| head.slack_ms).collect(),
        marks: heads.iter().map(marks).collect(),
        heads_count: *heads_count,
    })
}

pub(super) fn decode_compared(compared: Option<v1::Compared>) -> Result<Option<Compared>, Error> {
    let Some(v1::Compared { tickets, queues, pools, slacks_ms, marks, heads_count }) = compared
    else {
        return Ok(None);
    };
    let lengths = [queues.len(), pools.len(), slacks_ms.len(), marks.len()];
    if let Some(odd) = lengths.into_iter().find(|length| *length != tickets.len()) {
        return Err(Error::Unknown { field: FIELD, value: i64::try_from(odd).unwrap_or(i64::MAX) });
    }
    let head = |at: usize| -> Result<ComparedHead, Error> {
        let (queue, marks) = (queues[at], marks[at]);
        let held_by = match marks >> 8 {
            0 => None,
            pool => Some(decode_pool(pool - 1, FIELD)?),
        };
        Ok(ComparedHead {
            ticket: TicketNumber(tickets[at]),
            tier: decode_tier(queue % 64, FIELD)?,
            channel: decode_channel((queue / 64).cast_signed(), FIELD)?,
            pools: PoolSet(pools[at]),
            slack_ms: slacks_ms[at],
            at_risk: marks & 1 != 0,
            starving: marks & 2 != 0,
            via: decode_pool(marks >> 2 & 63, FIELD)?,
            held_by,
        })
    };
    let heads = (0..tickets.len()).map(head).collect::<Result<_, _>>()?;
    Ok(Some(Compared { heads, heads_count }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::model::{Channel, PoolIx, TierIx};
    use prost::Message as _;

    #[test]
    fn four_heads_of_a_million_tickets_take_at_most_64_bytes() {
        let head = |number: u8| ComparedHead {
            ticket: TicketNumber(1_000_000 + u64::from(number)),
            tier: TierIx(number),
            channel: Channel::Email,
            pools: PoolSet(0b11),
            slack_ms: 14_400_000,
            at_risk: true,
            starving: number == 3,
            via: PoolIx(1),
            held_by: (number > 1).then_some(PoolIx(0)),
        };
        let compared = Compared { heads: (0..4).map(head).collect(), heads_count: 17 };
        let record = encode_compared(Some(&compared)).expect("there is something");
        let length = record.encoded_len();
        assert!(length <= 64, "{length} B");
        assert_eq!(decode_compared(Some(record)).expect("it was just made"), Some(compared));
    }
}
