//! What supervisors and administrators ask, in the words of the script.

use crate::engine::command::{Command, PolicyChange, PolicyOrigin};
use std::sync::Arc;

/// `change POLICY`: the policy of a running server, by call.
pub(super) fn command(asked: &[&str]) -> Command {
    match asked {
        ["change", rest @ ..] => Command::ChangePolicy {
            policy: Arc::new(super::policy(&rest.join(" "))),
            expected: None,
            change: Arc::new(PolicyChange {
                origin: PolicyOrigin::Call,
                by: "ada".into(),
                reason: "more staff".into(),
            }),
        },
        _ => panic!("the script says {asked:?}"),
    }
}
