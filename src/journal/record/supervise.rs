//! What supervisors did, as messages.

use super::ticket::decode_pool;
use super::{Error, name, required, v1};
use crate::engine::command::{Intervened, Intervention, PoolSwitched};
use crate::engine::model::{AgentId, TicketNumber, Time};
use crate::engine::pause::Pause;

pub(super) fn encode_switched(switched: &PoolSwitched) -> v1::PoolSwitched {
    v1::PoolSwitched {
        pool: switched.pool.0.into(),
        by: (&*switched.by).into(),
        reason: (&*switched.reason).into(),
    }
}

pub(super) fn decode_switched(switched: v1::PoolSwitched) -> Result<Box<PoolSwitched>, Error> {
    Ok(Box::new(PoolSwitched {
        pool: decode_pool(switched.pool, "pool_switched.pool")?,
        by: switched.by.into(),
        reason: switched.reason.into(),
    }))
}

pub(super) fn encode_pause(pause: &Pause) -> v1::Pause {
    v1::Pause { since: pause.since.0, by: (&*pause.by).into(), reason: (&*pause.reason).into() }
}

pub(super) fn decode_pause(pause: v1::Pause) -> Pause {
    Pause { since: Time(pause.since), by: pause.by.into(), reason: pause.reason.into() }
}

pub(super) fn encode(intervened: &Intervened) -> v1::Intervened {
    let (action, agent) = match &intervened.action {
        Intervention::Assign { agent } => (v1::Intervention::Assign, Some(agent.as_str().into())),
        Intervention::MoveToFront => (v1::Intervention::MoveToFront, None),
        Intervention::Withdraw => (v1::Intervention::Withdraw, None),
        Intervention::Requeue => (v1::Intervention::Requeue, None),
    };
    v1::Intervened {
        ticket: intervened.ticket.0,
        action: action.into(),
        agent,
        by: (&*intervened.by).into(),
        reason: (&*intervened.reason).into(),
    }
}

pub(super) fn decode(intervened: v1::Intervened) -> Result<Intervened, Error> {
    const FIELD: &str = "intervened.action";
    let action = match v1::Intervention::try_from(intervened.action) {
        Ok(v1::Intervention::Assign) => {
            let agent = required(intervened.agent, "intervened.agent")?;
            Intervention::Assign { agent: AgentId::new(name(agent, "intervened.agent")?) }
        }
        Ok(v1::Intervention::MoveToFront) => Intervention::MoveToFront,
        Ok(v1::Intervention::Withdraw) => Intervention::Withdraw,
        Ok(v1::Intervention::Requeue) => Intervention::Requeue,
        Ok(v1::Intervention::Unspecified) => return Err(Error::Missing { field: FIELD }),
        Err(_) => return Err(Error::Unknown { field: FIELD, value: intervened.action.into() }),
    };
    Ok(Intervened {
        ticket: TicketNumber(intervened.ticket),
        action,
        by: intervened.by.into(),
        reason: intervened.reason.into(),
    })
}
