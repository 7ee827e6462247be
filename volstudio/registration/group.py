"""Several scans at once: many to one, and one after the other in a chain.

Many to one: each scan is registered to the same fixed one, which is prepared once; a scan that cannot be registered is reported as that
scan's failure and the others go on. A chain: each scan is registered to the next, and the maps are multiplied, their spaces checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from operator import length_hint
from typing import TYPE_CHECKING

from volstudio.errors import Cancelled, RegistrationError, VolstudioError
from volstudio.geometry.affine import Affine
from volstudio.geometry.spaces import scanner
from volstudio.progress import Progress
from volstudio.registration.plan import DEFAULT
from volstudio.registration.rigid import register
from volstudio.registration.shelf import Shelf
from volstudio.volumes.volume import check_volume, distinct_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from volstudio.registration.plan import RegistrationPlan
    from volstudio.registration.result import RegistrationResult
    from volstudio.volumes.volume import Volume

__all__ = ["Attempt", "Chain", "register_chain", "register_many"]

LEAST_SCANS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """What became of one of many scans: a result, or why there is none.

    Parameters
    ----------
    name : str
        Of the moving scan.
    result : RegistrationResult or None
    error : VolstudioError or None
        Its text is one sentence for a person.
    """

    name: str
    result: RegistrationResult | None = None
    error: VolstudioError | None = None

    def __bool__(self) -> bool:
        """Whether there is a result."""
        return self.result is not None


def register_many(
    fixed: Volume,
    movings: Iterable[Volume],
    *,
    plan: RegistrationPlan = DEFAULT,
    starts: Mapping[str, Affine] | None = None,
    fixed_mask: Volume | None = None,
    moving_masks: Mapping[str, Volume] | None = None,
    judge: bool = True,
    progress: Progress | None = None,
) -> Iterator[Attempt]:
    """Register many scans to one, each result as it comes.

    Parameters
    ----------
    fixed : Volume
        Prepared once for all scans that suit the same levels.
    movings : iterable of Volume
        May open its volumes as they are asked for; each is let go before the next.
    plan : RegistrationPlan
    starts : mapping of str to Affine, optional
        By the name of a moving scan, as `register` takes it; the others are searched for.
    fixed_mask : Volume, optional
        As `register` takes it.
    moving_masks : mapping of str to Volume, optional
        By the name of a moving scan; of the others everything counts.
    judge : bool
        Whether the answers are judged.
    progress : Progress, optional
        ``cancel()`` ends all of it.

    Yields
    ------
    Attempt
        In the order of ``movings``. A scan that cannot be registered is an attempt without a result, and the next one is tried.

    Raises
    ------
    Cancelled
    WrongTypeError
        ``fixed`` is no volume.

    Examples
    --------
    >>> for attempt in register_many(t1, [rest, task]):  # doctest: +SKIP
    ...     print(attempt.name, attempt.error or attempt.result.moving_to_fixed.matrix)
    """
    check_volume(fixed, "The fixed scan of a registration")
    progress = progress or Progress()
    shelf = Shelf(room=3)
    total = max(length_hint(movings), 1)
    for number, moving in enumerate(movings):
        check_volume(moving, "A moving scan of a registration")
        part = progress.part(min(number / total, 1.0), min((number + 1) / total, 1.0))
        start, masks = (starts or {}).get(moving.name), (fixed_mask, (moving_masks or {}).get(moving.name))
        yield attempt((fixed, moving), plan=plan, start=start, masks=masks, judge=judge, progress=part, shelf=shelf)


def attempt(
    scans: tuple[Volume, Volume],
    *,
    plan: RegistrationPlan,
    start: Affine | None = None,
    masks: tuple[Volume | None, Volume | None] = (None, None),
    judge: bool = True,
    progress: Progress,
    shelf: Shelf,
) -> Attempt:
    """One registration of many, fixed scan and mask first: what goes wrong with one scan is kept as its error."""
    (fixed, moving), (fixed_mask, moving_mask) = scans, masks
    try:
        result = register(
            fixed,
            moving,
            plan=plan,
            start=start,
            fixed_mask=fixed_mask,
            moving_mask=moving_mask,
            judge=judge,
            progress=progress,
            shelf=shelf,
        )
        return Attempt(moving.name, result)
    except Cancelled:
        raise
    except VolstudioError as error:
        return Attempt(moving.name, error=error)


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """Scans registered each to the next, and the maps between any two of them.

    Parameters
    ----------
    names : tuple of str
        Of the scans, first to last; told apart where two had the same.
    results : tuple of RegistrationResult
        Of each scan (moving) to the next (fixed): one fewer than scans.
    """

    names: tuple[str, ...]
    results: tuple[RegistrationResult, ...]

    @property
    def first_to_last(self) -> Affine:
        """``"<first>:scanner"`` -> ``"<last>:scanner"``: where a point of the first scan lies in the last one."""
        return self.between(self.names[0], self.names[-1])

    def between(self, source: str, target: str) -> Affine:
        """Map of the points of one scan to those of another, in either direction along the chain.

        Raises
        ------
        RegistrationError
            The chain has no scan of that name.
        """
        for name in (source, target):
            if name not in self.names:
                raise RegistrationError(f"The chain has no scan {name!r}; it goes {' -> '.join(self.names)}.")
        begin, end = self.names.index(source), self.names.index(target)
        if begin > end:
            return self.between(target, source).inverse()
        if begin == end:
            return Affine.identity(scanner(source), scanner(source))
        first, *others = (result.moving_to_fixed for result in self.results[begin:end])
        return reduce(lambda so_far, link: link @ so_far, others, first)


def register_chain(
    volumes: Sequence[Volume],
    *,
    plans: Sequence[RegistrationPlan] = (),
    starts: Sequence[Affine | None] = (),
    masks: Sequence[Volume | None] = (),
    judge: bool = True,
    progress: Progress | None = None,
) -> Chain:
    """Register each scan to the next: EPI -> T1 -> template.

    Parameters
    ----------
    volumes : sequence of Volume
        Two or more, first to last.
    plans : sequence of RegistrationPlan
        One for each link, or one for all of them; empty: the default.
    starts : sequence of Affine or None
        One for each link, as `register` takes it; empty: every link is searched for.
    masks : sequence of Volume or None
        One for each scan, which counts in both of its links; empty: everything counts.
    judge : bool
        Whether the links are judged.
    progress : Progress, optional

    Raises
    ------
    RegistrationError
        There are too few volumes, the plans, starts or masks do not fit, or a link cannot be registered (the sentence names it).
    Cancelled

    Examples
    --------
    >>> plans = [RegistrationPlan.named("epi-to-anatomy"), RegistrationPlan.named("same-modality")]  # doctest: +SKIP
    >>> found = register_chain([epi, t1, template], plans=plans)  # doctest: +SKIP
    >>> found.first_to_last.source, found.first_to_last.target  # doctest: +SKIP
    ('epi:scanner', 'template:scanner')
    """
    for volume in volumes:
        check_volume(volume, "A scan of a chain")
    links = len(volumes) - 1
    if links < LEAST_SCANS - 1:
        raise RegistrationError(f"A chain needs at least two scans, got {len(volumes)}.")
    every = list(_plans_of_links(plans, volumes))
    if len(starts) not in (0, links):
        raise RegistrationError(f"{_links_of(volumes)} and needs as many starts, got {len(starts)}.")
    check_masks(masks, volumes)
    progress = progress or Progress()
    shelf = Shelf(room=2)
    named = [volume.renamed(name) for volume, name in zip(volumes, distinct_names(volumes), strict=True)]
    results = []
    for number, (moving, fixed) in enumerate(pairwise(named)):
        tried = attempt(
            (fixed, moving),
            plan=every[number],
            start=starts[number] if starts else None,
            masks=(masks[number + 1], masks[number]) if masks else (None, None),
            judge=judge,
            progress=progress.part(number / links, (number + 1) / links),
            shelf=shelf,
        )
        if tried.result is None:
            raise RegistrationError(
                f"Link {number + 1} of the chain, {moving.name} to {fixed.name}, failed: {tried.error}"
            ) from tried.error
        results.append(tried.result)
    return Chain(tuple(volume.name for volume in named), tuple(results))


def refuse_time(plan: RegistrationPlan, volumes: Sequence[Volume]) -> None:
    """Raise where a plan for several pairs names a time and none of the scans is a series."""
    if plan.time != "first" and all(volume.n_times == 1 for volume in volumes):
        raise RegistrationError(f"Time {plan.time} was asked for, and none of the scans is a series.")


def refuse_masks(plan: RegistrationPlan, whose: str) -> None:
    """A plan for several pairs masks no scan: the fixed scan of one pair is the moving scan of another."""
    if plan.fixed_mask is not None or plan.moving_mask is not None:
        raise RegistrationError(f"{whose} cannot hold masks, which belong to a scan each; give masks for the scans instead.")


def check_masks(masks: Sequence[Volume | None], volumes: Sequence[Volume]) -> None:
    """Raise where there are masks, and not one for each scan."""
    if len(masks) not in (0, len(volumes)):
        raise RegistrationError(f"{len(volumes)} scans need as many masks, None for a scan that has none, got {len(masks)}.")


def _plans_of_links(plans: Sequence[RegistrationPlan], volumes: Sequence[Volume]) -> Iterator[RegistrationPlan]:
    """A plan for each link of a chain; a time is about series, and some links may have none."""
    links = list(pairwise(volumes))
    if len(plans) not in (0, 1, len(links)):
        raise RegistrationError(f"{_links_of(volumes)} and needs as many plans, or one for all of them, got {len(plans)}.")
    if len(plans) < len(links):
        plans = [*(plans or [DEFAULT])] * len(links)
        refuse_masks(plans[0], "A plan for all links of a chain")
    for plan, link in zip(plans, links, strict=True):
        refuse_time(plan, volumes)
        yield plan if any(scan.n_times > 1 for scan in link) else plan.with_(time="first")


def _links_of(volumes: Sequence[Volume]) -> str:
    links = len(volumes) - 1
    return f"A chain of {len(volumes)} scans has {links} {'link' if links == 1 else 'links'}"
