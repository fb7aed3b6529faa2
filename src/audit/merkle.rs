//! The log's Merkle tree (RFC 6962 §2.1): leaf and node hashes, roots, proofs, and their checking (RFC 9162 §2.1).
//!
//! A complete subtree is named by `(level, index)`: it covers the leaves from `index << level` on, `1 << level` of
//! them, and never changes once it is there. A store keeps these in a table; [`Tree`] keeps them in memory.
//! Never: knows what a leaf says, or where hashes are kept.

use sha2::{Digest as _, Sha256};

/// A node of the tree.
pub type Hash = [u8; 32];

/// A complete subtree: its level, its place in that level, its hash.
pub type Node = (u8, u64, Hash);

/// Why a proof does not prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    #[error("leaf {index} is outside a tree of {size}")]
    Outside { index: u64, size: u64 },
    #[error("a tree of {new} cannot extend one of {old}")]
    Shrinks { old: u64, new: u64 },
    #[error("the proof has the wrong length")]
    Length,
    #[error("the proof leads to another root")]
    OtherRoot,
}

pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Sha256::new_with_prefix([0]).chain_update(leaf).finalize().into()
}

pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new_with_prefix([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The root of a tree without leaves.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// What is needed to go on appending: the roots of the complete subtrees, from the largest to the smallest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// From what a store kept. `None` when the number of subtrees does not fit the size.
    pub fn from_parts(size: u64, peaks: Vec<Hash>) -> Option<Frontier> {
        (u64::from(size.count_ones()) == peaks.len() as u64).then_some(Frontier { size, peaks })
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Appends a leaf's hash; returns the complete subtrees that it made, the leaf itself first.
    pub fn append(&mut self, leaf: Hash) -> Vec<Node> {
        let (mut level, mut index, mut hash) = (0, self.size, leaf);
        let mut made = vec![(level, index, hash)];
        while index & 1 == 1
            && let Some(left) = self.peaks.pop()
        {
            (level, index, hash) = (level + 1, index >> 1, node_hash(&left, &hash));
            made.push((level, index, hash));
        }
        self.peaks.push(hash);
        self.size += 1;
        made
    }

    pub fn root(&self) -> Hash {
        let Some((last, rest)) = self.peaks.split_last() else { return empty_root() };
        rest.iter().rev().fold(*last, |right, left| node_hash(left, &right))
    }
}

/// The root of the first `size` leaves, from complete subtrees that `node(level, index)` gives.
pub fn root<E>(size: u64, mut node: impl FnMut(u8, u64) -> Result<Hash, E>) -> Result<Hash, E> {
    if size == 0 { Ok(empty_root()) } else { range_root(0, size, &mut node) }
}

/// That leaf `index` is in the tree of `size`: the siblings from the leaf upward.
pub fn inclusion<E>(
    index: u64,
    size: u64,
    mut node: impl FnMut(u8, u64) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    let (mut start, mut end) = (0, size);
    let mut ranges = Vec::new();
    while end.saturating_sub(start) > 1 {
        let middle = start + split(end - start);
        if index < middle {
            ranges.push((middle, end));
            end = middle;
        } else {
            ranges.push((start, middle));
            start = middle;
        }
    }
    ranges.into_iter().rev().map(|(start, end)| range_root(start, end, &mut node)).collect()
}

/// That the tree of `old` leaves is a beginning of the tree of `new`.
pub fn consistency<E>(
    old: u64,
    new: u64,
    mut node: impl FnMut(u8, u64) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    if old == 0 || old >= new {
        return Ok(Vec::new());
    }
    let (mut start, mut end) = (0, new);
    let mut ranges = Vec::new();
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            ranges.push((middle, end));
            end = middle;
        } else {
            ranges.push((start, middle));
            start = middle;
        }
    }
    if start > 0 {
        ranges.push((start, end));
    }
    ranges.into_iter().rev().map(|(start, end)| range_root(start, end, &mut node)).collect()
}

/// The root that a proof of inclusion leads to (RFC 9162 §2.1.3.2).
pub fn root_from_inclusion(index: u64, size: u64, leaf: Hash, proof: &[Hash]) -> Result<Hash, ProofError> {
    if index >= size {
        return Err(ProofError::Outside { index, size });
    }
    let (mut place, mut last, mut hash) = (index, size - 1, leaf);
    for step in proof {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if climb(&mut place, &mut last) {
            hash = node_hash(step, &hash);
        } else {
            hash = node_hash(&hash, step);
        }
    }
    if last == 0 { Ok(hash) } else { Err(ProofError::Length) }
}

/// Checks that a leaf is in a tree.
pub fn check_inclusion(
    index: u64,
    size: u64,
    leaf: Hash,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if root_from_inclusion(index, size, leaf, proof)? == *root { Ok(()) } else { Err(ProofError::OtherRoot) }
}

/// Checks that one tree extends another (RFC 9162 §2.1.4.2).
pub fn check_consistency(
    (old, old_root): (u64, &Hash),
    (new, new_root): (u64, &Hash),
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::Shrinks { old, new });
    }
    if old == 0 || old == new {
        let expected = if old == new { *new_root } else { empty_root() };
        return match proof {
            [] if *old_root == expected => Ok(()),
            [] => Err(ProofError::OtherRoot),
            _ => Err(ProofError::Length),
        };
    }
    let (first, rest) = match proof {
        _ if old.is_power_of_two() => (old_root, proof),
        [first, rest @ ..] => (first, rest),
        [] => return Err(ProofError::Length),
    };
    let (mut place, mut last) = (old - 1, new - 1);
    while place & 1 == 1 {
        (place, last) = (place >> 1, last >> 1);
    }
    let (mut old_hash, mut new_hash) = (*first, *first);
    for step in rest {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if climb(&mut place, &mut last) {
            old_hash = node_hash(step, &old_hash);
            new_hash = node_hash(step, &new_hash);
        } else {
            new_hash = node_hash(&new_hash, step);
        }
    }
    match last {
        0 if old_hash == *old_root && new_hash == *new_root => Ok(()),
        0 => Err(ProofError::OtherRoot),
        _ => Err(ProofError::Length),
    }
}

/// Goes one step of a proof upward; true where the step's hash is the left one.
fn climb(place: &mut u64, last: &mut u64) -> bool {
    let left = *place & 1 == 1 || *place == *last;
    if left {
        while *place & 1 == 0 && *place > 0 {
            (*place, *last) = (*place >> 1, *last >> 1);
        }
    }
    (*place, *last) = (*place >> 1, *last >> 1);
    left
}

/// The largest power of two below `count`, for a count of two or more.
fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

/// The hash over the leaves from `start` to before `end`, as the tree's shape groups them.
fn range_root<E>(start: u64, end: u64, node: &mut impl FnMut(u8, u64) -> Result<Hash, E>) -> Result<Hash, E> {
    let count = end - start;
    if count.is_power_of_two() {
        let level = count.ilog2();
        return node(u8::try_from(level).unwrap_or(u8::MAX), start >> level);
    }
    let middle = start + split(count);
    let left = range_root(start, middle, node)?;
    let right = range_root(middle, end, node)?;
    Ok(node_hash(&left, &right))
}

/// A whole tree in memory, for packs and tests.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    frontier: Frontier,
    levels: Vec<Vec<Hash>>,
}

/// The tree does not hold the subtree that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the tree has no complete subtree {index} at level {level}")]
pub struct NoNode {
    pub level: u8,
    pub index: u64,
}

impl Tree {
    pub fn push(&mut self, leaf: &[u8]) {
        for (level, _, hash) in self.frontier.append(leaf_hash(leaf)) {
            let level = usize::from(level);
            if self.levels.len() <= level {
                self.levels.push(Vec::new());
            }
            self.levels[level].push(hash);
        }
    }

    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    pub fn node(&self, level: u8, index: u64) -> Result<Hash, NoNode> {
        let place = usize::try_from(index).ok();
        let found = place.and_then(|place| self.levels.get(usize::from(level))?.get(place));
        found.copied().ok_or(NoNode { level, index })
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    fn tree(leaves: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Tree {
        let mut tree = Tree::default();
        leaves.into_iter().for_each(|leaf| tree.push(leaf.as_ref()));
        tree
    }

    fn naive(leaves: &[Vec<u8>]) -> Hash {
        match leaves {
            [] => empty_root(),
            [leaf] => leaf_hash(leaf),
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                node_hash(&naive(left), &naive(right))
            }
        }
    }

    #[test]
    fn the_vectors_hold() {
        let all: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/vectors/record.json")).unwrap();
        let vectors = &all["tree"];
        let leaves: Vec<&str> =
            vectors["leaves_utf8"].as_array().unwrap().iter().map(|l| l.as_str().unwrap()).collect();
        let tree = tree(&leaves);
        let root_of = |size: u64| root(size, |level, index| tree.node(level, index)).unwrap();
        for (size, hex) in vectors["roots_hex"].as_array().unwrap().iter().enumerate() {
            assert_eq!(crate::row::Digest(root_of(size as u64)).to_string(), hex.as_str().unwrap());
        }
        let proof_of = |case: &serde_json::Value| -> Vec<Hash> {
            let lines = case["proof_base64"].as_array().unwrap();
            lines
                .iter()
                .map(|line| STANDARD.decode(line.as_str().unwrap()).unwrap().try_into().unwrap())
                .collect()
        };
        for case in vectors["inclusion"].as_array().unwrap() {
            let (index, size) = (case["index"].as_u64().unwrap(), case["size"].as_u64().unwrap());
            let proof = inclusion(index, size, |l, i| tree.node(l, i)).unwrap();
            assert_eq!(proof, proof_of(case), "{index} in {size}");
        }
        for case in vectors["consistency"].as_array().unwrap() {
            let (old, new) = (case["old"].as_u64().unwrap(), case["new"].as_u64().unwrap());
            let proof = consistency(old, new, |l, i| tree.node(l, i)).unwrap();
            assert_eq!(proof, proof_of(case), "{old} to {new}");
        }
    }

    proptest! {
        #[test]
        fn proofs_prove_and_nothing_else_does(
            leaves in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..4), 1..70),
            index: prop::sample::Index, old: prop::sample::Index, flip: prop::sample::Index,
        ) {
            let tree = tree(&leaves);
            let (size, root_) = (tree.size(), naive(&leaves));
            prop_assert_eq!(tree.root(), root_);
            let again = Frontier::from_parts(size, tree.frontier.peaks().to_vec()).unwrap();
            prop_assert_eq!(again.root(), root_);

            let index = index.index(leaves.len());
            let leaf = leaf_hash(&leaves[index]);
            let proof = inclusion(index as u64, size, |l, i| tree.node(l, i)).unwrap();
            prop_assert_eq!(check_inclusion(index as u64, size, leaf, &proof, &root_), Ok(()));
            let mut longer = proof.clone();
            longer.push([0; 32]);
            prop_assert!(check_inclusion(index as u64, size, leaf, &longer, &root_).is_err());
            if !proof.is_empty() {
                let mut wrong = proof.clone();
                wrong[flip.index(proof.len())][0] ^= 1;
                prop_assert!(check_inclusion(index as u64, size, leaf, &wrong, &root_).is_err());
                prop_assert!(check_inclusion(index as u64, size, leaf, &proof[1..], &root_).is_err());
            }

            let old = old.index(leaves.len() + 1);
            let old_root = naive(&leaves[..old]);
            let proof = consistency(old as u64, size, |l, i| tree.node(l, i)).unwrap();
            prop_assert_eq!(check_consistency((old as u64, &old_root), (size, &root_), &proof), Ok(()));
            let mut other = old_root;
            other[31] ^= 1;
            prop_assert!(check_consistency((old as u64, &other), (size, &root_), &proof).is_err());
            prop_assert!(old == 0 || check_consistency((old as u64, &old_root), (size, &other), &proof).is_err());
            if !proof.is_empty() {
                let mut wrong = proof.clone();
                wrong[flip.index(proof.len())][0] ^= 1;
                prop_assert!(check_consistency((old as u64, &old_root), (size, &root_), &wrong).is_err());
            }
        }

        #[test]
        fn checking_never_panics(index: u64, size: u64, count in 0_usize..70) {
            let proof = vec![[7; 32]; count];
            let _ = root_from_inclusion(index, size, [1; 32], &proof);
            let _ = check_consistency((index, &[1; 32]), (size, &[2; 32]), &proof);
        }
    }
}
