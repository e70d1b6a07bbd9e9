"""Train the scorer of automatic routing: `src/tollway/autorouting/model.bin`.

    pip install --group train
    python scripts/train_auto.py train.jsonl                              # five-fold cross-validation, then the model
    python scripts/train_auto.py train.jsonl --held-out validation.jsonl  # and its figures on rows it has not seen

Rows have a `prompt`, what the weak and the strong model's answers were worth (`weak_correct`, `strong_correct`) and a `source`.
The source only centres the target and groups the figures: what is learned is which of the prompts of one kind need the strong
model. The seeds are fixed and one thread computes, so the same rows and packages give the same file. Prompts that begin alike
(the same passage asked about twice) are kept in one fold. The held-out rows are measured after the file is written, and
nothing is fitted to them.
"""

import argparse
import json
import re
import sys
import zlib
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import lightgbm
import msgspec
import numpy as np
from safetensors.numpy import load_file
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import Ridge
from tokenizers import Tokenizer

from tollway.autorouting.features import NAMES, features
from tollway.autorouting.forest import PackedForest
from tollway.autorouting.pieces import PieceWeights
from tollway.autorouting.scorer import (
    FILE,
    LENGTH_WEIGHT,
    MOST_OF_PROBLEM,
    Model,
    Scorer,
    is_word_problem,
    offers_choices,
)
from tollway.autorouting.text import cut

OUT = Path(__file__).parent.parent / "src" / "tollway" / "autorouting" / FILE
FOLDS = 5
SEED = 20261122
BOOSTED = 3
"""How many boosted forests are averaged, each with its own seed."""
BOOSTING: dict[str, Any] = {
    "objective": "l2", "learning_rate": 0.03, "num_leaves": 15, "min_child_samples": 60, "feature_fraction": 0.3,
    "bagging_fraction": 0.7, "bagging_freq": 1, "lambda_l2": 5, "max_bin": 63, "num_threads": 1, "deterministic": True,
    "force_row_wise": True, "verbose": -1,
}  # fmt: skip
ROUNDS = 120
RANDOM_TREES = 100
LEAF_ROWS = 12
RIDGE = 20.0
PROBLEMS = "gsm8k"
"""The source of the word problems that their own part is learned from; the others are mixed with other kinds."""
PROBLEM_RIDGE = 1000.0

Array = np.ndarray
Tree = list[tuple[int, float, int]]
"""(feature, threshold or value, right child or 0), in preorder."""


class Prompts:
    """Rows, and what is counted in them."""

    def __init__(self, path: Path, weights: PieceWeights, vectors: dict[str, Array]) -> None:
        with path.open(encoding="utf-8") as lines:
            self.rows = [json.loads(line) for line in lines if line.strip()]
        self.texts = [cut(row["prompt"]) for row in self.rows]
        self.counted = np.array([features(text) for text in self.texts], dtype=np.float32)
        self.choice = np.array([offers_choices(row) for row in self.counted])
        self.problem = np.array([is_word_problem(row) for row in self.counted])
        dimensions = len(next(iter(vectors.values())))
        self.about = np.zeros((len(self.rows), dimensions))
        for number in np.flatnonzero(self.choice):
            found = [vectors[piece] for piece in weights.pieces(self.texts[number])]
            self.about[number] = np.mean(found, axis=0)
        self.source = np.array([row["source"] for row in self.rows])
        self.gain = np.array([row["strong_correct"] - row["weak_correct"] for row in self.rows], dtype=float)


class Parts:
    """The three models, fitted to some of the rows."""

    def __init__(self, prompts: Prompts, rows: Array) -> None:
        target = centred(prompts.gain[rows], prompts.source[rows])
        counted = prompts.counted[rows]
        self.boosted = [
            lightgbm.train(BOOSTING | {"seed": SEED + number}, lightgbm.Dataset(counted, target), ROUNDS)
            for number in range(BOOSTED)
        ]
        self.random = ExtraTreesRegressor(
            RANDOM_TREES, min_samples_leaf=LEAF_ROWS, max_features=0.3, random_state=SEED, n_jobs=1
        ).fit(counted, target)
        choice = prompts.choice[rows]
        self.ridge = Ridge(alpha=RIDGE).fit(prompts.about[rows][choice], target[choice])

        problem = prompts.problem[rows] & (prompts.source[rows] == PROBLEMS)
        mean, deviation = counted.mean(axis=0), counted.std(axis=0) + 1e-6
        linear = Ridge(alpha=PROBLEM_RIDGE).fit((counted[problem] - mean) / deviation, target[problem])
        # What the forest knows of word problems as a whole stays with it: this part moves them against each other alone.
        self.problem_weights = linear.coef_ / deviation
        self.problem_offset = -float(counted[problem].mean(axis=0) @ self.problem_weights)

    def predict(self, prompts: Prompts, rows: Array) -> Array:
        counted = prompts.counted[rows]
        found = self.random.predict(counted) + np.mean([one.predict(counted) for one in self.boosted], axis=0)
        found += LENGTH_WEIGHT * counted[:, NAMES.index("characters")]
        choice, problem = prompts.choice[rows], prompts.problem[rows]
        found[choice] += self.ridge.predict(prompts.about[rows][choice])
        moved = counted[problem] @ self.problem_weights + self.problem_offset
        found[problem] += np.clip(moved, -MOST_OF_PROBLEM, MOST_OF_PROBLEM)
        return found

    def forest(self) -> PackedForest:
        """All trees as one sum: each is divided by how many are averaged."""
        trees = [random_tree(one.tree_, RANDOM_TREES) for one in self.random.estimators_]
        for booster in self.boosted:
            trees += [boosted_tree(one["tree_structure"]) for one in booster.dump_model()["tree_info"]]
        nodes: Tree = []
        roots: list[int] = []
        for tree in trees:
            first = len(nodes)
            roots.append(first)
            nodes += [(feature, value, right and right + first) for feature, value, right in tree]
        return PackedForest(
            roots=np.array(roots, dtype="<u4").tobytes(),
            feature=bytes(feature for feature, _, _ in nodes),
            threshold=np.array([value for _, value, _ in nodes], dtype="<f4").tobytes(),
            right=np.array([right for _, _, right in nodes], dtype="<u4").tobytes(),
        )


def random_tree(tree: Any, shared_by: int) -> Tree:
    """scikit-learn's arrays are in preorder already."""
    return [
        (0, float(tree.value[node].item()) / shared_by, 0)
        if tree.children_left[node] < 0
        else (int(tree.feature[node]), float(tree.threshold[node]), int(tree.children_right[node]))
        for node in range(tree.node_count)
    ]


def boosted_tree(node: dict[str, Any]) -> Tree:
    if "leaf_value" in node:
        return [(0, node["leaf_value"] / BOOSTED, 0)]
    left, right = boosted_tree(node["left_child"]), boosted_tree(node["right_child"])

    def moved(tree: Tree, by: int) -> Tree:
        return [(feature, value, child and child + by) for feature, value, child in tree]

    return [(node["split_feature"], node["threshold"], 1 + len(left)), *moved(left, 1), *moved(right, 1 + len(left))]


def centred(gain: Array, source: Array) -> Array:
    """How much more than usual, for its source, the strong model is worth."""
    found = gain.copy()
    for one in np.unique(source):
        found[source == one] -= gain[source == one].mean()
    return found


def folds(texts: list[str]) -> Array:
    keys = [re.sub(r"\W+", " ", text.lower())[:200] for text in texts]
    number = {key: at for at, key in enumerate(dict.fromkeys(keys))}
    drawn = np.random.default_rng(SEED).permutation(len(number)) % FOLDS
    return drawn[[number[key] for key in keys]]


def calibrated(raw: Array, gain: Array) -> tuple[float, float]:
    """Slope and intercept of the logistic curve nearest to the share that the strong model answered better (Newton's method)."""
    wanted = np.clip(gain, 0, 1)
    columns = np.stack([raw, np.ones_like(raw)], axis=1)
    line = np.zeros(2)
    for _ in range(30):
        share = 1 / (1 + np.exp(-columns @ line))
        curvature = columns.T @ (columns * (share * (1 - share))[:, None])
        line += np.linalg.solve(curvature, columns.T @ (wanted - share))
    return float(line[0]), float(line[1])


def apgr(gain: Array, score: Array) -> float:
    """The average performance gap recovered (RouteLLM, arXiv 2406.18665, Eq. 7), for scores without ties."""
    routed = np.concatenate([[0.0], np.cumsum(gain[np.argsort(-score, kind="stable")])])
    return float(((routed[1:] + routed[:-1]) / 2).mean() / routed[-1])


def show(title: str, prompts: Prompts, score: Array) -> None:
    length = np.array([len(row["prompt"]) for row in prompts.rows])
    for one in np.unique(prompts.source):
        of = prompts.source == one
        found, longest = apgr(prompts.gain[of], score[of]), apgr(prompts.gain[of], length[of])
        print(f"{title:<18} {one:<12} n={of.sum():<6} APGR {found:.4f}   longest prompt first {longest:.4f}")


def vocabulary() -> dict[str, Array]:
    """wordllama's pieces with their vectors, without its special tokens and single bytes."""
    files = [Path(str(file.locate())) for file in distribution("wordllama").files or ()]
    weights = next(file for file in files if file.name == "l2_supercat_256.safetensors")
    pieces = next(file for file in files if file.name == "l2_supercat_tokenizer_config.json")
    vectors = load_file(weights)["embedding.weight"].astype(np.float64)
    known = Tokenizer.from_file(str(pieces)).get_vocab()
    return {piece: vectors[row] for piece, row in sorted(known.items()) if not re.search(r"^<.*>$|\s", piece)}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("train", type=Path)
    parser.add_argument("--held-out", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    asked = parser.parse_args()

    vectors = vocabulary()
    cutter = PieceWeights(list(vectors), [0.0] * len(vectors))
    prompts = Prompts(asked.train, cutter, vectors)
    fold = folds(prompts.texts)
    unseen = np.zeros(len(prompts.rows))
    for number in range(FOLDS):
        test = np.flatnonzero(fold == number)
        unseen[test] = Parts(prompts, np.flatnonzero(fold != number)).predict(prompts, test)
    show("cross-validation", prompts, unseen)
    slope, intercept = calibrated(unseen, prompts.gain)
    scores = 1 / (1 + np.exp(-slope * unseen - intercept))
    print("score that a share of the prompts is above:", end=" ")
    print(", ".join(f"{share}% {np.quantile(scores, 1 - share / 100):.3f}" for share in (5, 10, 20, 30, 50, 70, 90)))
    for low, high in ((0, 20), (20, 40), (40, 60), (60, 80), (80, 100)):
        within = (scores >= np.quantile(scores, low / 100)) & (scores <= np.quantile(scores, high / 100))
        said, better = scores[within].mean(), np.clip(prompts.gain[within], 0, 1).mean()
        print(f"scores of the {low}th to {high}th percentile: {said:.3f} on average; strong better in {better:.3f}")

    parts = Parts(prompts, np.arange(len(prompts.rows)))
    model = Model(
        names=NAMES,
        forest=parts.forest(),
        pieces="\n".join(vectors),
        weights=(np.array(list(vectors.values())) @ parts.ridge.coef_).astype("<f4").tobytes(),
        offset=float(parts.ridge.intercept_),
        problem_weights=parts.problem_weights.astype("<f4").tobytes(),
        problem_offset=parts.problem_offset,
        slope=slope,
        intercept=intercept,
    )
    packed = zlib.compress(msgspec.msgpack.encode(model), 9)
    asked.out.write_bytes(packed)
    scorer = Scorer.decode(packed)
    shipped = np.array([scorer.raw(row["prompt"]) for row in prompts.rows])
    # Thresholds are rounded to 32 bits, so a row in a thousand may fall on the other side of one.
    apart = np.abs(shipped - parts.predict(prompts, np.arange(len(prompts.rows))))
    if np.quantile(apart, 0.99) > 1e-4:
        sys.exit(f"What ships scores otherwise than what was trained: {np.quantile(apart, 0.99):.2g} apart.")
    print(f"{asked.out.name}: {len(packed):,} bytes; at most {apart.max():.2g} from what was trained")
    if asked.held_out is not None:
        others = Prompts(asked.held_out, cutter, vectors)
        show("held out", others, np.array([scorer.raw(row["prompt"]) for row in others.rows]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
