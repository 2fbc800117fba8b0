//! Repeat contacts as messages.

use super::ticket::{decode_kind, decode_pool, encode_kind};
use super::{Error, name, v1};
use crate::engine::contacts::{Contact, ContactRecord, Previous, Repeats, Who};
use crate::engine::model::{TicketId, TicketNumber, Time};

/// Absent for what is usual, so that policies of earlier releases keep their bytes.
pub(super) fn encode_rules(repeats: &Repeats) -> Option<v1::Repeats> {
    (*repeats != Repeats::default()).then(|| v1::Repeats {
        window_ms: repeats.window_ms,
        threshold: repeats.threshold,
        pool: repeats.pool.map(|pool| pool.0.into()),
    })
}

pub(super) fn decode_rules(repeats: Option<v1::Repeats>) -> Result<Repeats, Error> {
    let Some(repeats) = repeats else { return Ok(Repeats::default()) };
    Ok(Repeats {
        window_ms: repeats.window_ms,
        threshold: repeats.threshold,
        pool: repeats.pool.map(|pool| decode_pool(pool, "repeats.pool")).transpose()?,
    })
}

pub(super) fn encode(contact: &Contact) -> v1::TopicContact {
    let previous = contact.previous.as_ref();
    v1::TopicContact {
        topic: (&*contact.topic).into(),
        count: contact.count,
        previous: previous.map(|previous| previous.number.0),
        previous_id: previous.map(|previous| previous.id.to_string()).unwrap_or_default(),
    }
}

pub(super) fn decode(contact: v1::TopicContact) -> Result<Box<Contact>, Error> {
    let previous = contact.previous.map(|number| {
        let id = TicketId::new(name(contact.previous_id, "contact.previous_id")?);
        Ok::<_, Error>(Previous { number: TicketNumber(number), id })
    });
    Ok(Box::new(Contact {
        topic: name(contact.topic, "contact.topic")?.into(),
        count: contact.count,
        previous: previous.transpose()?,
    }))
}

pub(super) fn encode_record(record: &ContactRecord) -> v1::ContactRecord {
    let told = v1::ContactRecord {
        topic: (&*record.topic).into(),
        times: record.times.iter().map(|at| at.0).collect(),
        last: record.last.number.0,
        last_id: record.last.id.to_string(),
        ..v1::ContactRecord::default()
    };
    match &record.who {
        Who::Customer(id) => v1::ContactRecord { customer_id: Some((&**id).into()), ..told },
        Who::Named(kind, value) => {
            v1::ContactRecord { kind: encode_kind(*kind), value: (&**value).into(), ..told }
        }
    }
}

pub(super) fn decode_record(record: v1::ContactRecord) -> Result<ContactRecord, Error> {
    if record.times.is_empty() {
        return Err(Error::Missing { field: "contact_record.times" });
    }
    Ok(ContactRecord {
        topic: name(record.topic, "contact_record.topic")?.into(),
        who: match record.customer_id {
            Some(id) => Who::Customer(id.into()),
            None => {
                Who::Named(decode_kind(record.kind, "contact_record.kind")?, record.value.into())
            }
        },
        times: record.times.into_iter().map(Time).collect(),
        last: Previous {
            number: TicketNumber(record.last),
            id: TicketId::new(name(record.last_id, "contact_record.last_id")?),
        },
    })
}
