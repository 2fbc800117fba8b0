//! Changing the policy while the server runs: check, difference, apply, roll back, and the versions.

use super::Api;
use super::convert::timestamp;
use super::proto::v1 as pb;
use super::status::Fault;
use super::validate::{Checks, NAME_CHARS_MAX, PAGE_SIZE_DEFAULT};
use crate::driver::Refused;
use crate::engine::command::{PolicyChange, PolicyOrigin, Rejection};
use crate::engine::model::Policy;
use crate::engine::{Engine, Impact};
use crate::journal::{PolicyVersion, Seq};
use crate::policy;
use std::sync::Arc;

/// Versions in one answer.
pub(super) const VERSIONS_PAGE_MAX: u32 = 500;
/// An answer with texts ends with the version that brings it to this size.
const TEXTS_BYTES_MAX: usize = 1 << 20;
/// What findings call a text that a call brought.
const NAME: &str = "policy";

impl Api {
    pub(super) fn check_policy_text(toml: &str) -> pb::CheckPolicyResponse {
        match policy::parse(NAME, toml) {
            Ok((policy, warnings)) => pb::CheckPolicyResponse {
                faults: Vec::new(),
                warnings: texts(&warnings),
                policy: Some((&policy).into()),
                summary: policy::describe(&policy).to_string(),
            },
            Err(error) => pb::CheckPolicyResponse {
                faults: faults(&error),
                ..pb::CheckPolicyResponse::default()
            },
        }
    }

    pub(super) async fn diff_policy_text(
        &self,
        toml: &str,
    ) -> Result<pb::DiffPolicyResponse, Fault> {
        let (new, warnings) = read(toml)?;
        let asked = new.clone();
        let look =
            move |engine: &Engine, now| (engine.policy().clone(), engine.impact(&asked, now));
        let seen = self.handle.read(look).await;
        let (old, impact) = seen.map_err(|refused| Fault::refused(refused, ""))?;
        Ok(pb::DiffPolicyResponse { warnings, ..difference(&old, &new, impact) })
    }

    pub(super) async fn apply_policy_text(
        &self,
        request: &pb::ApplyPolicyRequest,
    ) -> Result<pb::ApplyPolicyResponse, Fault> {
        let change = change(PolicyOrigin::Call, &request.by, &request.reason)?;
        let expected = expected(&request.expected_version)?;
        let (policy, warnings) = read(&request.toml)?;
        let applied = self.put_policy(policy, expected, change).await?;
        Ok(pb::ApplyPolicyResponse { warnings, policy: Some((&*applied).into()) })
    }

    pub(super) async fn roll_back_policy(
        &self,
        request: &pb::RollbackPolicyRequest,
    ) -> Result<pb::RollbackPolicyResponse, Fault> {
        let mut checks = Checks::default();
        checks.name("version", &request.version);
        checks.done()?;
        let change = change(PolicyOrigin::Rollback, &request.by, &request.reason)?;
        let expected = expected(&request.expected_version)?;
        let wanted = request.version.clone();
        let feed = self.handle.feed();
        let found = super::follow::blocking(move || {
            let mut before = Seq(i64::MAX.cast_unsigned());
            loop {
                let page = feed.policies(before, VERSIONS_PAGE_MAX as usize)?;
                let Some(last) = page.last() else { return Ok(None) };
                before = last.seq;
                let named = |version: &PolicyVersion| *version.policy.version == *wanted;
                if let Some(version) = page.into_iter().find(named) {
                    return Ok(Some(version.policy));
                }
            }
        });
        let Some(policy) = found.await? else {
            return Err(Fault::policy_not_found(&request.version));
        };
        let applied = self.put_policy(policy, expected, change).await?;
        Ok(pb::RollbackPolicyResponse { policy: Some((&*applied).into()) })
    }

    pub(super) async fn policy_versions(
        &self,
        request: &pb::ListPolicyVersionsRequest,
    ) -> Result<pb::ListPolicyVersionsResponse, Fault> {
        let size = request.page_size;
        if size > VERSIONS_PAGE_MAX {
            let text = format!("{size} is not between 0 and {VERSIONS_PAGE_MAX}");
            return Err(Fault::field("page_size", text));
        }
        let size = if size == 0 { PAGE_SIZE_DEFAULT } else { size } as usize;
        let before = match request.before_seq {
            0 => i64::MAX.cast_unsigned(),
            seq => seq.min(i64::MAX.cast_unsigned()),
        };
        let feed = self.handle.feed();
        let rows = super::follow::blocking(move || feed.policies(Seq(before), size + 1)).await?;
        let more = rows.len() > size;
        let mut versions: Vec<pb::PolicyVersion> = Vec::new();
        let mut bytes = 0;
        for row in rows.into_iter().take(size) {
            if bytes > TEXTS_BYTES_MAX {
                break;
            }
            let toml =
                if request.with_toml { row.policy.source.to_string() } else { String::new() };
            bytes += toml.len();
            versions.push(pb::PolicyVersion {
                version: row.policy.version.to_string(),
                seq: row.seq.0,
                applied_at: Some(timestamp(row.at)),
                origin: origin(row.change.origin).into(),
                by: row.change.by.to_string(),
                reason: row.change.reason.to_string(),
                in_force: false,
                toml,
            });
        }
        let cut = request.with_toml && bytes > TEXTS_BYTES_MAX;
        let next = versions.last().filter(|_| more || cut).map_or(0, |version| version.seq);
        if request.before_seq == 0
            && let Some(newest) = versions.first_mut()
        {
            newest.in_force = true;
        }
        Ok(pb::ListPolicyVersionsResponse { versions, next_before_seq: next })
    }

    /// Puts a policy in force; a refusal for what would be stranded has the list.
    async fn put_policy(
        &self,
        policy: Arc<Policy>,
        expected: Option<Box<str>>,
        change: PolicyChange,
    ) -> Result<Arc<Policy>, Fault> {
        match self.handle.change_policy(policy.clone(), expected, change).await {
            Ok(()) => Ok(policy),
            Err(Refused::Rule(
                Rejection::PolicyStrands { .. } | Rejection::PolicyStrandsSkill { .. },
            )) => {
                let look = move |engine: &Engine, now| engine.impact(&policy, now);
                let impact = self.handle.read(look).await;
                let impact = impact.map_err(|refused| Fault::refused(refused, ""))?;
                Err(Fault::policy_strands(&impact))
            }
            Err(refused) => Err(Fault::refused(refused, "")),
        }
    }
}

fn read(toml: &str) -> Result<(Arc<Policy>, Vec<String>), Fault> {
    match policy::parse(NAME, toml) {
        Ok((policy, warnings)) => Ok((Arc::new(policy), texts(&warnings))),
        Err(error) => Err(Fault::fields_of("toml", faults(&error))),
    }
}

fn texts(findings: &[policy::Finding]) -> Vec<String> {
    findings.iter().map(ToString::to_string).collect()
}

fn faults(error: &policy::Error) -> Vec<String> {
    error.to_string().lines().map(str::to_owned).collect()
}

fn change(origin: PolicyOrigin, by: &str, reason: &str) -> Result<PolicyChange, Fault> {
    let mut checks = Checks::default();
    let by = checks.line("by", by, NAME_CHARS_MAX);
    let reason = checks.reason(reason);
    checks.done()?;
    Ok(PolicyChange { origin, by, reason })
}

fn expected(version: &str) -> Result<Option<Box<str>>, Fault> {
    let mut checks = Checks::default();
    let version = checks.optional_name("expected_version", version);
    checks.done()?;
    Ok(version)
}

fn origin(origin: PolicyOrigin) -> pb::PolicyOrigin {
    match origin {
        PolicyOrigin::Start => pb::PolicyOrigin::Start,
        PolicyOrigin::Reload => pb::PolicyOrigin::Reload,
        PolicyOrigin::Call => pb::PolicyOrigin::Call,
        PolicyOrigin::Rollback => pb::PolicyOrigin::Rollback,
    }
}

fn difference(old: &Policy, new: &Policy, impact: Impact) -> pb::DiffPolicyResponse {
    let names = |names: Vec<Arc<str>>| names.iter().map(ToString::to_string).collect();
    let change = |change: policy::Change| pb::PolicyDifference {
        path: change.path,
        before: change.before,
        after: change.after,
    };
    pb::DiffPolicyResponse {
        version_in_force: old.version.to_string(),
        version: new.version.to_string(),
        changes: policy::difference(old, new).into_iter().map(change).collect(),
        queues: impact
            .queues
            .into_iter()
            .map(|queue| pb::QueueDifference {
                tier: queue.tier.to_string(),
                channel: pb::Channel::from(queue.channel).into(),
                pools: names(queue.pools),
                before_count: queue.before_count,
                after_count: queue.after_count,
            })
            .collect(),
        stranded: impact
            .stranded
            .into_iter()
            .map(|stranded| pb::StrandedTickets {
                tier: stranded.tier.to_string(),
                pools: names(stranded.pools),
                skill: stranded.skill.map(|skill| skill.to_string()).unwrap_or_default(),
                count: stranded.count,
                ticket_ids: stranded.tickets.iter().map(ToString::to_string).collect(),
            })
            .collect(),
        agents_without_pool_count: impact.agents_without_pool_count as u64,
        agents_without_pool: impact.agents_without_pool.iter().map(ToString::to_string).collect(),
        warnings: Vec::new(),
    }
}
