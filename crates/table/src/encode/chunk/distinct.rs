//! The ids of a page in, each of them once out.

/// Finds the distinct ids of one page after the other.
#[derive(Debug, Default)]
pub(crate) struct DistinctOfPages {
    /// For each id the number of the last page that has it.
    last_pages: Vec<u32>,
    pages: u32,
}

impl DistinctOfPages {
    /// Returns the distinct ids of the next page, in any order; there are `count` different ids so far.
    pub(crate) fn of_page(&mut self, ids: &[u32], count: usize) -> Vec<u32> {
        self.pages += 1;
        let page = self.pages;
        if page == 1 {
            // Every id was added by this page.
            self.last_pages.resize(count, page);
            return (0..u32::try_from(count).expect("ids have 32 bits")).collect();
        }
        self.last_pages.resize(count, 0);
        if count <= u64::BITS as usize {
            let bits = ids.iter().fold(0_u64, |bits, id| bits | 1 << (id % u64::BITS));
            return (0..u64::BITS).filter(|id| bits >> id & 1 == 1).collect();
        }
        // Each id is written, and overwritten by the next one unless it is new: a branch would often be mispredicted.
        let mut distinct = vec![0; count.min(ids.len()) + 1];
        let mut found = 0;
        for &id in ids {
            let last = &mut self.last_pages[id as usize];
            distinct[found] = id;
            found += usize::from(*last != page);
            *last = page;
        }
        distinct.truncate(found);
        distinct
    }
}
