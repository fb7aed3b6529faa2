//! What is sent to Notion to carry out an edit, call by call.
//!
//! Never: a call that is right only if those before it were not made.

use serde_json::{Map, Value as Json};

use super::{
    super::{NotApplicable, Operation, Unreadable},
    BLOCKS_MAX, CHILDREN_MAX, Call, REQUEST_MAX,
    plan::{self, Plan, Put},
    read, request,
    steps::{At, Does, Step, own},
};

/// What is sent to come from these blocks to those of [`super::apply`]: first what is new, then what changes, then what
/// goes, so that whatever fails on the way takes nothing from the page. `page` is the page's own id.
pub fn calls(page: &str, blocks: &[Json], operations: &[Operation]) -> Result<Vec<Call>, NotApplicable> {
    Ok(planned(page, blocks, operations)?.into_iter().map(|(call, _)| call).collect())
}

/// The same, each with how it is found again on the page.
pub fn planned(
    page: &str,
    blocks: &[Json],
    operations: &[Operation],
) -> Result<Vec<(Call, Step)>, NotApplicable> {
    let edit = Of { page, blocks, plan: plan::plan(blocks, operations)? };
    let mut calls = Vec::new();
    for ((parent, after), new) in &edit.plan.inserts {
        calls.extend(edit.puts(parent, *after, new)?);
    }
    for (address, fields) in &edit.plan.updates {
        calls.push(edit.change(address, fields)?);
    }
    for address in &edit.plan.deletes {
        calls.push(edit.take(address)?);
    }
    Ok(calls)
}

/// An edit of a page.
struct Of<'a> {
    page: &'a str,
    blocks: &'a [Json],
    plan: Plan,
}

impl Of<'_> {
    /// The page's own where the address is none.
    fn id(&self, address: &[usize]) -> Result<String, NotApplicable> {
        if address.is_empty() {
            return Ok(self.page.to_owned());
        }
        let id = plan::block(self.blocks, address).and_then(|block| block["id"].as_str());
        let no = || Unreadable("a block that is to be edited has no id".to_owned());
        Ok(id.ok_or_else(no)?.to_owned())
    }

    fn within(&self, parent: &[usize]) -> &[Json] {
        if parent.is_empty() {
            return self.blocks;
        }
        plan::block(self.blocks, parent).map(read::children).unwrap_or_default()
    }

    fn number(&self, address: &[usize]) -> Vec<usize> {
        self.plan.claimed.get(address).copied().into_iter().collect()
    }

    /// What is put at one place, in as many calls as it takes.
    fn puts(
        &self,
        parent: &[usize],
        after: Option<usize>,
        new: &[Put],
    ) -> Result<Vec<(Call, Step)>, NotApplicable> {
        let beside = self.within(parent);
        let at = match after {
            Some(at) => At::After(self.id(&[parent, &[at]].concat())?),
            None if beside.is_empty() => At::End,
            None => At::Start,
        };
        let parent = self.id(parent)?;
        let mut kept = new.iter().flat_map(|put| put.blocks.iter().map(|block| (put.number, block)));
        let mut parts: Vec<_> = chunks(new.iter().flat_map(|put| request(&put.blocks)).collect())
            .into_iter()
            .map(|children| {
                let kept: Vec<_> = kept.by_ref().take(children.len()).collect();
                (put(&parent, &at, children), Step::put(&parent, &at, &kept, beside))
            })
            .collect();
        // What comes right after a block pushes on what was put there before.
        if at != At::End {
            parts.reverse();
        }
        Ok(parts)
    }

    fn change(&self, address: &[usize], fields: &Map<String, Json>) -> Result<(Call, Step), NotApplicable> {
        let was = own(plan::block(self.blocks, address).unwrap_or(&Json::Null));
        let kind = was["type"].as_str().unwrap_or_default().to_owned();
        let mut is = was.clone();
        fields.iter().for_each(|(key, value)| is[&kind][key] = value.clone());
        let payload = Json::Object(Map::from_iter(fields.clone()));
        let step =
            Step { operations: self.number(address), does: Does::Change { is: super::written(&is), was } };
        Ok((Call::Update { block: self.id(address)?, kind, payload }, step))
    }

    fn take(&self, address: &[usize]) -> Result<(Call, Step), NotApplicable> {
        let was = own(plan::block(self.blocks, address).unwrap_or(&Json::Null));
        let (last, above) = address.split_last().unwrap_or((&0, &[]));
        let before = last.checked_sub(1).map(|before| self.id(&[above, &[before]].concat())).transpose()?;
        let after = before.map_or(At::Start, At::After);
        let step = Step {
            operations: self.number(address),
            does: Does::Take { was, parent: self.id(above)?, after },
        };
        Ok((Call::Delete { block: self.id(address)? }, step))
    }
}

fn put(parent: &str, at: &At, children: Vec<Json>) -> Call {
    let parent = parent.to_owned();
    match at {
        At::Start => Call::Prepend { parent, children },
        At::End => Call::Append { parent, after: None, children },
        At::After(id) => Call::Append { parent, after: Some(id.clone()), children },
    }
}

/// Blocks as a request takes them, in as many parts as the limits need.
pub fn chunks(blocks: Vec<Json>) -> Vec<Vec<Json>> {
    let mut parts: Vec<Vec<Json>> = Vec::new();
    let (mut count, mut bytes) = (0, 0);
    for block in blocks {
        let (more, size) = (count_of(&block), block.to_string().len());
        let room = count + more <= BLOCKS_MAX && bytes + size <= REQUEST_MAX;
        match parts.last_mut() {
            Some(part) if room && part.len() < CHILDREN_MAX => {
                (count, bytes) = (count + more, bytes + size);
                part.push(block);
            }
            _ => {
                (count, bytes) = (more, size);
                parts.push(vec![block]);
            }
        }
    }
    parts
}

fn count_of(request: &Json) -> usize {
    let kind = request["type"].as_str().unwrap_or_default();
    let within = request[kind]["children"].as_array().map(Vec::as_slice).unwrap_or_default();
    1 + within.iter().map(count_of).sum::<usize>()
}
