//! What is known of customers as messages.

use super::{Error, boxed, narrow, text, v1};
use crate::engine::coding::{Known, StaleTier, Standing};
use crate::engine::model::AgentId;

pub(super) fn encode_known(known: &Known) -> v1::Known {
    let standing = match known.standing {
        Standing::Regular => v1::Standing::Regular,
        Standing::New => v1::Standing::New,
        Standing::AtRisk => v1::Standing::AtRisk,
        Standing::Farewell => v1::Standing::Farewell,
    };
    v1::Known {
        because: (&*known.because).into(),
        standing: standing.into(),
        is_provisional: known.is_provisional,
        agent: text(known.agent.as_ref().map(AgentId::as_str)),
        matched: known.matched.into(),
        conflict: text(known.conflict.as_deref()),
    }
}

pub(super) fn decode_known(known: v1::Known) -> Result<Known, Error> {
    let standing = match v1::Standing::try_from(known.standing) {
        Ok(v1::Standing::Regular) => Standing::Regular,
        Ok(v1::Standing::New) => Standing::New,
        Ok(v1::Standing::AtRisk) => Standing::AtRisk,
        Ok(v1::Standing::Farewell) => Standing::Farewell,
        Err(_) => {
            return Err(Error::Unknown { field: "known.standing", value: known.standing.into() });
        }
    };
    Ok(Known {
        because: known.because.into(),
        standing,
        is_provisional: known.is_provisional,
        agent: known.agent.map(AgentId::new),
        matched: narrow(known.matched, "known.matched")?,
        conflict: boxed(known.conflict),
    })
}

pub(super) fn encode_stale(stale: StaleTier) -> i32 {
    let stale = match stale {
        StaleTier::Keep => v1::StaleTier::Keep,
        StaleTier::FallBack => v1::StaleTier::FallBack,
        StaleTier::HoldHigh => v1::StaleTier::HoldHigh,
    };
    stale.into()
}

pub(super) fn decode_stale(value: i32) -> Result<StaleTier, Error> {
    match v1::StaleTier::try_from(value) {
        Ok(v1::StaleTier::Keep) => Ok(StaleTier::Keep),
        Ok(v1::StaleTier::FallBack) => Ok(StaleTier::FallBack),
        Ok(v1::StaleTier::HoldHigh) => Ok(StaleTier::HoldHigh),
        Err(_) => Err(Error::Unknown { field: "tier.stale", value: value.into() }),
    }
}
