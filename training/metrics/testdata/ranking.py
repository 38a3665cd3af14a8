"""Prints the constants of TestAgainstReference: every ranking metric of a small
made-up shop, computed with numpy by the definitions, pair by pair."""
import numpy as np

U, I, KS = 12, 20, [3, 7]
had = [sorted({(u * u * 3 + j * j * 5 + j) % I for j in range(1 + u % 5)} | ({3} if u % 2 else set())) for u in range(U)]
truth = [sorted({(u * 7 + j * 3) % I for j in range(u % 4)} | (set(had[u][:1]) if u % 3 == 0 else set())) for u in range(U)]
score = lambda u, i: (u * 31 + i * 17 + u * i * 3) % 23

holders = [[u for u in range(U) if i in had[u]] for i in range(I)]
known = [i for i in range(I) if holders[i]]


def top(u, items, k):
    return sorted(items, key=lambda i: (-score(u, i), i))[:k]


def cosine(i, j):
    a, b = set(holders[i]), set(holders[j])
    return len(a & b) / np.sqrt(len(a) * len(b)) if a and b else 0


def values(items, want, k):
    gains = np.array([i in want for i in items], float)
    ranks = np.arange(1, len(items) + 1)
    hits = gains.sum()
    ideal = (1 / np.log2(np.arange(2, min(k, len(want)) + 2))).sum()
    pairs = [cosine(i, j) for a, i in enumerate(items) for j in items[a + 1:]]
    return dict(recall=hits / len(want), ndcg=(gains / np.log2(ranks + 1)).sum() / ideal,
                mrr=1 / ranks[gains > 0][0] if hits else 0, hit=float(hits > 0),
                map=(gains * gains.cumsum() / ranks).sum() / min(k, len(want)),
                novelty=np.mean([-np.log2(max(1, len(holders[i])) / U) for i in items]) if items else np.nan,
                diversity=1 - np.mean(pairs) if pairs else np.nan)


def gini(x):
    x = np.array(x, float)
    return np.abs(x[:, None] - x[None, :]).sum() / (2 * len(x) ** 2 * x.mean())


rated = [u for u in range(U) if truth[u]]
median = np.median([len(had[u]) for u in rated])
slices = {
    "": lambda u: (range(I), truth[u]),
    "new:": lambda u: ([i for i in range(I) if i not in had[u]], [i for i in truth[u] if i not in had[u]]),
    "repeat:": lambda u: (had[u], [i for i in truth[u] if i in had[u]]),
    "light:": lambda u: (range(I), truth[u] if len(had[u]) <= median else []),
    "heavy:": lambda u: (range(I), truth[u] if len(had[u]) > median else []),
}
for name, cut in slices.items():
    for k in KS:
        rows, shelf = [], np.zeros(I, int)
        for u in rated:
            items, want = cut(u)
            if want:
                best = top(u, items, k)
                rows.append(values(best, set(want), k))
                shelf[best] += 1
        out = {m: np.nanmean([r[m] for r in rows]) for m in rows[0]}
        out["coverage"] = np.mean([shelf[i] > 0 for i in known])
        out["gini"] = gini([shelf[i] for i in known])
        for m, v in out.items():
            print(f'"{name}{m}@{k}": {v:.9f},', end=" ")
    print()
