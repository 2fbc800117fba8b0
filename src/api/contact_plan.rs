//! `AdminService.PlanContacts`: what the contact plan has on some days, and a day's contacts at once.

use super::Api;
use super::proto::v1 as pb;
use super::status::Fault;
use super::validate::{Checks, echo};
use crate::contact_plan::{self, Created, Days, Refusal};
use jiff::civil::Date;

/// Most days of one answer.
const DAYS_MAX: u32 = 366;

impl Api {
    pub(super) async fn plan_of_contacts(
        &self,
        request: &pb::PlanContactsRequest,
    ) -> Result<pb::PlanContactsResponse, Fault> {
        let today = contact_plan::day_of(self.handle.clock().now());
        let mut checks = Checks::default();
        let first = match request.first_day.as_str() {
            "" => today,
            text => text.parse::<Date>().unwrap_or_else(|_| {
                checks
                    .fault("first_day", format!("{} is not a day such as 2026-11-22", echo(text)));
                today
            }),
        };
        let count = request.day_count.max(1);
        if count > DAYS_MAX {
            checks.fault("day_count", format!("{count} is not 1 to {DAYS_MAX}"));
        }
        if request.create && (first != today || count != 1) {
            checks
                .fault("create", "is for the present day alone; leave first_day and day_count out");
        }
        checks.done()?;
        let policy = self.handle.view().policy.clone();
        let days = Days { first, count: i32::try_from(count).expect("it is at most 366") };
        let plan = contact_plan::plan(&self.directory, &policy, days).await.map_err(fault)?;
        let created = if request.create {
            let created = contact_plan::create(&self.handle, &self.directory, &policy, today).await;
            created.map_err(fault)?
        } else {
            Created::default()
        };
        Ok(pb::PlanContactsResponse {
            contacts: plan
                .contacts
                .into_values()
                .flatten()
                .map(|(contact, tier)| pb::PlannedContact {
                    day: contact.day.to_string(),
                    rule: contact.rule.into(),
                    customer_id: contact.customer_id,
                    tier: tier.into(),
                    ticket_id: contact.ticket_id,
                    subject: contact.subject.into(),
                })
                .collect(),
            days: plan
                .counts
                .into_iter()
                .map(|(day, contact_count)| pb::PlannedDay { day: day.to_string(), contact_count })
                .collect(),
            customer_count: plan.customer_count,
            malformed_count: plan.malformed_count,
            created_count: created.created,
            existing_count: created.existing,
            refused_count: created.refused,
            deferred_count: created.deferred,
        })
    }
}

fn fault(refusal: Refusal) -> Fault {
    match refusal {
        Refusal::Directory(error) => Fault::directory(&error),
        Refusal::Refused(refused) => Fault::refused(refused, ""),
    }
}
