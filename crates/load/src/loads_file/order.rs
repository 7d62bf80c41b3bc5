//! Which loads have to be complete before others.

use std::collections::HashMap;

use ingest_core::nearest;

use super::{document::Placed, problem::Problem};
use crate::spelling::{listed, quoted};

/// What loads say of those before them, as it was read so far.
#[derive(Default)]
pub(super) struct Reading {
    loads: Vec<(String, Vec<Placed>)>,
}

impl Reading {
    pub(super) fn add(&mut self, name: &str, after: &[Placed]) {
        self.loads.push((name.to_owned(), after.to_vec()));
    }

    /// Whether each one that is named is there, and none waits for itself.
    pub(super) fn check(&self) -> Result<(), Problem> {
        let places: HashMap<&str, usize> =
            self.names().enumerate().map(|(place, name)| (name, place)).collect();
        let mut waits_for: Vec<Vec<usize>> = Vec::new();
        for (_, after) in &self.loads {
            let known = |before: &Placed| {
                let place = places.get(before.text.as_str());
                place.copied().ok_or_else(|| self.unknown(before))
            };
            waits_for.push(after.iter().map(known).collect::<Result<_, _>>()?);
        }
        match cycle(&waits_for) {
            None => Ok(()),
            Some(cycle) => Err(self.circular(&cycle, &waits_for)),
        }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.loads.iter().map(|(name, _)| name.as_str())
    }

    fn unknown(&self, before: &Placed) -> Problem {
        let instead = match nearest(&before.text, self.names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", listed(self.names())),
        };
        let problem =
            format!("after: there is no load {} in this file; {instead}", quoted(&before.text));
        Problem { line: Some(before.line), problem }
    }

    fn circular(&self, cycle: &[usize], waits_for: &[Vec<usize>]) -> Problem {
        let (name, after) = &self.loads[cycle[0]];
        let next = *cycle.get(1).unwrap_or(&cycle[0]);
        let said = waits_for[cycle[0]].iter().position(|before| *before == next);
        let line = said.map(|at| after[at].line);
        let names = cycle.iter().map(|at| self.loads[*at].0.as_str());
        let names: Vec<String> = names.chain([name.as_str()]).map(quoted).collect();
        let problem = format!(
            "after: {}: each would wait for the next one, so none could begin; take one `after` away",
            names.join(" after ")
        );
        Problem { line, problem }
    }
}

/// Loads that wait for each other, from the first one of the file.
fn cycle(waits_for: &[Vec<usize>]) -> Option<Vec<usize>> {
    let stuck = stuck(waits_for);
    let mut at = stuck.iter().position(|is_stuck| *is_stuck)?;
    let mut way = Vec::new();
    // Each one that is stuck waits for one that is, so the way comes back to itself.
    while !way.contains(&at) {
        way.push(at);
        at = waits_for[at].iter().copied().find(|before| stuck[*before])?;
    }
    let begin = way.iter().position(|place| *place == at)?;
    let mut cycle = way.split_off(begin);
    let first = cycle.iter().enumerate().min_by_key(|(_, place)| **place)?.0;
    cycle.rotate_left(first);
    Some(cycle)
}

/// Which ones never begin, when each begins once all before it are complete.
fn stuck(waits_for: &[Vec<usize>]) -> Vec<bool> {
    let mut stuck = vec![true; waits_for.len()];
    loop {
        let begins =
            |place: usize| stuck[place] && waits_for[place].iter().all(|before| !stuck[*before]);
        let next: Vec<usize> = (0..waits_for.len()).filter(|place| begins(*place)).collect();
        if next.is_empty() {
            return stuck;
        }
        next.into_iter().for_each(|place| stuck[place] = false);
    }
}
