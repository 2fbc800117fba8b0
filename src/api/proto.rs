//! The messages, clients and servers that `build.rs` generates from `proto/tierline/v1`.
//!
//! `bytes` fields are [`bytes::Bytes`], maps are `BTreeMap`, times are `prost_types::Timestamp` and `Duration`.

use prost::Message as _;
use prost_types::{FileDescriptorSet, MethodDescriptorProto};

/// Package `tierline.v1`. Its documentation is that of the `.proto` files.
#[allow(
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    clippy::redundant_clone,
    clippy::unwrap_used,
    clippy::use_self,
    unreachable_pub,
    rust_2018_idioms,
    reason = "generated code has a style of its own, and which lints it meets differs between generator versions"
)]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/tierline.v1.rs"));
}

/// The contract as an encoded `google.protobuf.FileDescriptorSet`, with everything it imports: what the reflection
/// service answers from.
pub const FILE_DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/tierline_descriptor.bin"));

/// Every method there is, as `package.Service/Method`; health checks are the standard ones.
pub fn methods() -> Vec<String> {
    let contracts = [FILE_DESCRIPTOR_SET, tonic_health::pb::FILE_DESCRIPTOR_SET];
    let mut names = Vec::new();
    for contract in contracts {
        let contract = FileDescriptorSet::decode(contract).expect("build.rs encoded it");
        for file in &contract.file {
            for service in &file.service {
                let name = |method: &MethodDescriptorProto| {
                    format!("{}.{}/{}", file.package(), service.name(), method.name())
                };
                names.extend(service.method.iter().map(name));
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use prost_types::{DescriptorProto, EnumDescriptorProto, MessageOptions};

    fn contract() -> FileDescriptorSet {
        FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).expect("build.rs encoded it")
    }

    #[test]
    fn the_contract_has_the_four_services_and_no_record_of_the_journal() {
        let set = contract();
        let services: BTreeSet<_> = set
            .file
            .iter()
            .flat_map(|file| &file.service)
            .map(prost_types::ServiceDescriptorProto::name)
            .collect();
        assert_eq!(
            services,
            BTreeSet::from(["AdminService", "AgentService", "IntakeService", "OpsService"])
        );
        let packages: BTreeSet<_> =
            set.file.iter().map(prost_types::FileDescriptorProto::package).collect();
        assert_eq!(packages, BTreeSet::from(["google.protobuf", "tierline.v1"]));
    }

    #[test]
    fn everything_the_contract_imports_comes_before_it() {
        let mut seen = BTreeSet::new();
        for file in &contract().file {
            for import in &file.dependency {
                assert!(seen.contains(import), "{} misses {import}", file.name());
            }
            seen.insert(file.name().to_owned());
        }
    }

    /// The place of everything declared in a message, as source info numbers it, with its name.
    fn declared_in(message: &DescriptorProto, place: &[i32], found: &mut Vec<(Vec<i32>, String)>) {
        let within = |kind: i32, at: i32| [place, &[kind, at]].concat();
        found.push((place.to_vec(), message.name().to_owned()));
        for (at, field) in (0..).zip(&message.field) {
            found.push((within(2, at), format!("{}.{}", message.name(), field.name())));
        }
        for (at, nested) in (0..).zip(&message.nested_type) {
            // The entries of a map are made by the compiler.
            if !nested.options.as_ref().is_some_and(MessageOptions::map_entry) {
                declared_in(nested, &within(3, at), found);
            }
        }
        for (at, nested) in (0..).zip(&message.enum_type) {
            values_of(nested, &within(4, at), found);
        }
    }

    fn values_of(of: &EnumDescriptorProto, place: &[i32], found: &mut Vec<(Vec<i32>, String)>) {
        found.push((place.to_vec(), of.name().to_owned()));
        for (at, value) in (0..).zip(&of.value) {
            found.push(([place, &[2, at]].concat(), value.name().to_owned()));
        }
    }

    #[test]
    fn everything_of_the_contract_is_described_in_a_sentence() {
        let set = contract();
        let ours = set.file.iter().filter(|file| file.package() == "tierline.v1");
        let (mut count, mut bare) = (0, Vec::new());
        for file in ours {
            let mut found = Vec::new();
            for (at, message) in (0..).zip(&file.message_type) {
                declared_in(message, &[4, at], &mut found);
            }
            for (at, of) in (0..).zip(&file.enum_type) {
                values_of(of, &[5, at], &mut found);
            }
            for (at, service) in (0..).zip(&file.service) {
                found.push((vec![6, at], service.name().to_owned()));
                for (method_at, method) in (0..).zip(&service.method) {
                    found.push((vec![6, at, 2, method_at], method.name().to_owned()));
                }
            }
            let info = file.source_code_info.as_ref().expect("build.rs keeps the comments");
            let described: BTreeSet<_> = info
                .location
                .iter()
                .filter(|location| location.leading_comments().contains('.'))
                .map(|location| location.path.clone())
                .collect();
            count += found.len();
            bare.extend(found.into_iter().filter(|(place, _)| !described.contains(place)));
        }
        assert!(count > 300, "there is much to describe: {count}");
        assert!(bare.is_empty(), "without a sentence: {bare:?}");
    }
}
