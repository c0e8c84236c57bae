"""The likelihood of flamedisx: built from classes of sources, fitted, profiled, summarised."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, InvalidOption, UnknownName, near_names
from wilks._base.notices import notice
from wilks._base.typing import Key
from wilks.data.events import Events
from wilks.likelihood.unbinned import Unbinned, UnbinnedData
from wilks.physics.xenon.draws import Draws

from .bestfit import Posed, best_values, fit_posed, profile_limit
from .curvature import hessian_of_nll
from .evaluation import Expansion, expanded, expected_numbers
from .frames import pandas, to_events
from .likelihood_parts import Bound, Penalty, by_dataset, fit_space, made_sources
from .mu_estimators import accept_estimators
from .randomness import drawn_key
from .summary import on_bounds, released, summary_text

_RATE = "_rate_multiplier"


class LogLikelihood:
    """Extended unbinned likelihood of events from sources.

    Args:
        sources: ``{name: class}``, or ``{data set: {name: class}}``; instances are taken, too.
        arguments: of the constructors, by name of the source.
        data: frame of events, or ``{data set: frame}``; None to give it later.
        free_rates: names of sources whose rate multiplier is fitted.
        batch_size: kept by the sources, without effect on any number.
        max_sigma: half width of ranges in annotated data; no sum here is cut by it.
        max_sigma_outer: accepted without effect, like ``n_trials``, ``progress`` and ``mu_estimators``: expected
            numbers are computed exactly.
        n_trials: see ``max_sigma_outer``.
        log_constraint: function of the parameters by name, added to ln L once.
        bounds_specified: whether the first two numbers of a parameter's specification are hard bounds of fits.
        progress: see ``max_sigma_outer``.
        defaults: settings of all sources that take them.
        mu_estimators: see ``max_sigma_outer``.
        common_param_specs: ``name=(lower, upper, anything)`` for every fitted parameter of the sources.

    Raises:
        UnknownName: for a source, parameter or setting that does not exist.
        InvalidModel: for sources that do not fit together.
    """

    def __init__(
        self,
        sources: Mapping[str, Any],
        arguments: Mapping[str, Mapping[str, Any]] | None = None,
        data: Any = None,
        free_rates: str | Sequence[str] | None = None,
        batch_size: int = 10,
        max_sigma: float | int | None = None,
        max_sigma_outer: float | int | None = None,
        n_trials: float | int | None = None,
        log_constraint: Callable[..., Any] | None = None,
        bounds_specified: bool = True,
        progress: bool = True,
        defaults: Mapping[str, Any] | None = None,
        mu_estimators: Any = None,
        **common_param_specs: Sequence[Any],
    ) -> None:
        accept_estimators(mu_estimators)
        named = by_dataset(sources)
        shared = {"batch_size": batch_size} | ({} if max_sigma is None else {"max_sigma": max_sigma})
        self.sources = made_sources(named, arguments or {}, defaults or {}, shared)
        self.dsetnames = list(named)
        self.sources_in_dset = {dataset: list(inside) for dataset, inside in named.items()}
        self.dset_for_source = {name: dataset for dataset, inside in named.items() for name in inside}
        self.param_specs = common_param_specs
        self.default_bounds: dict[str, Bound] = {}
        if bounds_specified:
            self.default_bounds |= {name: (spec[0], spec[1]) for name, spec in common_param_specs.items()}
        self._rates = (free_rates,) if isinstance(free_rates, str) else tuple(free_rates or ())
        self._constraint, self._extra = log_constraint, {}
        self._events: dict[str, Events | None] = dict.fromkeys(self.dsetnames)
        self._pose()
        self.set_data(data)

    @property
    def param_names(self) -> list[str]:
        """Fitted parameters: rate multipliers, then the parameters of sources in the order given."""
        return list(self.native.space.names)

    @property
    def param_defaults(self) -> dict[str, float]:
        """Where fits start; the same as `guess`."""
        return self.guess()

    def set_log_constraint(self, log_constraint: Callable[..., Any]) -> None:
        """Take another constraint."""
        self._constraint = log_constraint
        self._pose()

    def set_constraint_extra_args(self, **kwargs: Any) -> None:
        """Further arguments of the constraint, such as the centres of auxiliary measurements."""
        self._extra = kwargs
        self._pose()

    def set_rate_multiplier_bounds(self, **rm_bounds: Bound) -> None:
        """Bounds of rate multipliers by name of the source."""
        for name, bound in rm_bounds.items():
            self.default_bounds[name + _RATE] = bound

    def set_data(self, data: Any) -> None:
        """Events to be judged from now on.

        Args:
            data: frame, ``{data set: frame}`` with some of the data sets, or None to forget all.

        Raises:
            UnknownName: for a data set that does not exist.
            InvalidData: for a single frame and several data sets, or events that a source cannot judge.
        """
        if data is None:
            self._events = dict.fromkeys(self.dsetnames)
        elif isinstance(data, Mapping):
            for name in data:
                if name not in self.dsetnames:
                    raise UnknownName(f"no data set {name!r}; {near_names(name, self.dsetnames)}")
            self._events |= {name: None if frame is None else to_events(frame, name) for name, frame in data.items()}
        elif len(self.dsetnames) > 1:
            raise InvalidData(f"data are one table for the data sets {', '.join(self.dsetnames)}; give one for each")
        else:
            self._events = {self.dsetnames[0]: to_events(data)}
        self._prepare()

    def guess(self) -> dict[str, float]:
        """Where fits start: defaults, rates at one expected event each, the first free source takes what is left."""
        space = self.native.space
        if self._data is None:
            return dict(zip(space.names, space.starts.tolist(), strict=True))
        start = self.native.count_starts(self._data, space.starts, space.free_mask)
        return dict(zip(space.names, start.tolist(), strict=True))

    def simulate(self, fix_truth: Any = None, *, seed: Key | int | None = None, **params: Any) -> Any:
        """Frame of simulated events in random order, with a column ``source``.

        Args:
            fix_truth: as for sources.
            seed: of this call; by default drawn from numpy's global state.
            params: parameters, also rate multipliers of sources that are not fitted.
        """
        values, rates = self._split(params)
        generator = Draws([drawn_key(seed)]).generators[0]
        parts = []
        for name, source in self.sources.items():
            own: dict[str, Any] = {p: x for p, x in values.items() if p in source.native.space}
            number = generator.poisson(rates[name] * source.mu_before_efficiencies(**own))
            frame = source.simulate(int(number), fix_truth, seed=int(generator.integers(2**31)), **own)
            parts.append(frame.assign(source=name))
        together = pandas().concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
        return together.iloc[generator.permutation(len(together))].reset_index(drop=True)

    def mu(self, *, source_name: str | None = None, dataset_name: str | None = None, **kwargs: Any) -> float:
        """Expected number of events of a source, or of all sources of a data set, at the parameters."""
        owned = {name: [name] for name in self.sources} if source_name else self.sources_in_dset
        wanted = source_name or dataset_name
        if wanted is None:
            raise InvalidOption("mu: give source_name or dataset_name; events of several data sets are not added")
        if wanted not in owned:
            raise UnknownName(f"nothing is called {wanted!r}; {near_names(wanted, owned)}")
        numbers = expected_numbers(self.native, self._theta(kwargs))
        return float(sum(numbers[name] for name in owned[wanted]))

    def __call__(self, **kwargs: Any) -> float:
        """ln L at parameters; those that are not given are at their guess."""
        return self._expanded(kwargs).value

    def log_likelihood(
        self, second_order: bool = False, omit_grads: Sequence[str] = (), **kwargs: Any
    ) -> tuple[float, Float[np.ndarray, " free"], Float[np.ndarray, "free free"] | None]:
        """ln L, its gradient, and on request its Hessian.

        Args:
            second_order: whether the Hessian is wanted; None is returned for it otherwise.
            omit_grads: parameters without derivatives.
            kwargs: parameters.
        """
        found, kept = self._expanded(kwargs, second_order), self._kept(omit_grads)
        hessian = None if found.hessian is None else found.hessian[np.ix_(kept, kept)]
        return found.value, found.gradient[kept], hessian

    def minus2_ll(
        self, *, omit_grads: Sequence[str] = (), **kwargs: Any
    ) -> tuple[float, Float[np.ndarray, " free"], Float[np.ndarray, "free free"] | None]:
        """-2 ln L with its derivatives, as `log_likelihood`."""
        value, gradient, hessian = self.log_likelihood(omit_grads=omit_grads, **kwargs)
        return -2 * value, -2 * gradient, None if hessian is None else -2 * hessian

    def bestfit(
        self,
        guess: Mapping[str, Any] | None = None,
        fix: Mapping[str, Any] | None = None,
        bounds: Mapping[str, Bound] | None = None,
        optimizer: str = "scipy",
        get_lowlevel_result: bool = False,
        get_history: bool = False,
        use_hessian: bool = True,
        return_errors: Any = False,
        nan_val: float = float("inf"),
        optimizer_kwargs: Mapping[str, Any] | None = None,
        allow_failure: bool = False,
        suppress_warnings: bool = False,
    ) -> Any:
        """Best-fit values by name.

        Args:
            guess: where to start; parameters that are left out are at `guess`.
            fix: parameters held at values.
            bounds: hard bounds ``(lower, upper)``, None for no bound, before those of the likelihood.
            optimizer: ``"scipy"``, ``"tfp"`` or ``"minuit"``: all find the same values.
            get_lowlevel_result: return the full result of Wilks instead.
            get_history: accepted with a notice: there is no history.
            use_hessian: accepted without effect, like ``nan_val``, ``optimizer_kwargs`` and ``suppress_warnings``.
            return_errors: return a pair of values and errors.
            nan_val: see ``use_hessian``.
            optimizer_kwargs: see ``use_hessian``.
            allow_failure: return what there is if there is no minimum.
            suppress_warnings: see ``use_hessian``.

        Raises:
            OptimizerFailure: if there is no minimum that can be trusted.
        """
        if get_history or optimizer_kwargs:
            notice("bestfit: there is no history and there are no options of optimizers; they are ignored")
        posed = self._posed(bounds, fix, guess)
        if not (get_lowlevel_result or return_errors) and (found := best_values(posed, optimizer)) is not None:
            return {**found, **(fix or {})}
        result = fit_posed(posed, optimizer, throw=not allow_failure)
        if get_lowlevel_result:
            return result
        values = {**result.values, **(fix or {})}
        if not return_errors:
            return values
        return values, {name: result.errors.get(name, float("nan")) for name in result.free}

    def interval(self, parameter: str, **kwargs: Any) -> Any:
        """Central confidence interval, ``[lower, upper]``; options as for `limit`."""
        return self.limit(parameter, **{"kind": "central", **kwargs})

    def limit(
        self,
        parameter: str,
        bestfit: Mapping[str, Any] | None = None,
        guess: Any = None,
        fix: Mapping[str, Any] | None = None,
        bounds: Mapping[str, Bound] | None = None,
        confidence_level: float = 0.9,
        kind: str = "upper",
        sigma_guess: Any = None,
        t_ppf: Callable[[float], float] | None = None,
        t_ppf_grad: Any = None,
        t_ppf_hess: Any = None,
        optimizer: str = "scipy",
        get_history: bool = False,
        get_lowlevel_result: bool = False,
        tilt_overshoot: float = 0.037,
        optimizer_kwargs: Mapping[str, Any] | None = None,
        use_hessian: bool = True,
        allow_failure: bool = False,
        suppress_warnings: bool = False,
    ) -> Any:
        """Confidence limit from the profile likelihood; ``[lower, upper]`` for a central interval.

        Args:
            parameter: the parameter.
            bestfit: best-fit values, where the search starts; fitted by default.
            guess: accepted without effect, like ``sigma_guess``, ``tilt_overshoot`` and the options not named here.
            fix: parameters held at values.
            bounds: hard bounds, before those of the likelihood.
            confidence_level: of the limit.
            kind: ``"upper"``, ``"lower"`` or ``"central"``.
            sigma_guess: see ``guess``.
            t_ppf: critical value of -2 delta ln L as a function of the parameter, instead of Wilks' theorem; its
                derivatives are not needed.
            t_ppf_grad: see ``guess``.
            t_ppf_hess: see ``guess``.
            optimizer: as for `bestfit`.
            get_history: see ``guess``.
            get_lowlevel_result: return the full result of Wilks instead.
            tilt_overshoot: see ``guess``.
            optimizer_kwargs: see ``guess``.
            use_hessian: see ``guess``.
            allow_failure: see ``guess``.
            suppress_warnings: see ``guess``.
        """
        start = {name: x for name, x in (bestfit or {}).items() if name not in (fix or {})}
        posed = self._posed(bounds, fix, start)
        return profile_limit(
            posed, parameter, kind, confidence_level, t_ppf, optimizer, full=get_lowlevel_result
        )  # fmt: skip

    def inverse_hessian(
        self, params: Mapping[str, Any], omit_grads: Sequence[str] = ()
    ) -> Float[np.ndarray, "free free"]:
        """Inverse of the Hessian of -2 ln L; the covariance is twice that."""
        kept = self._kept(omit_grads)
        hessian = self._hessian(params, often=True)
        return np.linalg.inv(2.0 * hessian[np.ix_(kept, kept)])

    def summary(
        self,
        bestfit: Mapping[str, Any] | None = None,
        fix: Mapping[str, Any] | None = None,
        guess: Mapping[str, Any] | None = None,
        cov: Any = None,
        precision: int = 3,
        *,
        inverse_hessian: Any = None,
    ) -> None:
        """Print values, errors and correlations; a parameter on its bound has no error.

        Args:
            bestfit: best-fit values; fitted by default.
            fix: parameters that were held.
            guess: where the fit starts.
            cov: covariance matrix of the parameters that were not held.
            precision: digits.
            inverse_hessian: half the covariance matrix, as `inverse_hessian` gives it.
        """
        held = dict(fix or {})
        values = {**(self.bestfit(guess=guess, fix=held) if bestfit is None else bestfit), **held}
        if cov is None:
            kept = np.ix_(*[self._kept(tuple(held))] * 2)
            known = inverse_hessian is not None
            cov = 2.0 * np.asarray(inverse_hessian) if known else np.linalg.inv(self._hessian(values)[kept])
        space = fit_space(self.native.space, self.default_bounds, held, self.guess())
        free = [i for i, name in enumerate(space.names) if name not in held]
        at = on_bounds(np.array([float(values[space.names[i]]) for i in free]), space.lowers[free], space.uppers[free])
        covariance = released(np.asarray(cov, dtype=float), np.isin(np.arange(len(free)), list(at)))
        bounds = {space.names[free[i]]: side for i, side in at.items()}
        sys.stdout.write(summary_text(space.names, values, held, covariance, bounds, precision))

    def _pose(self) -> None:
        """The likelihood of Wilks with the present constraint."""
        every = {name: source.native for name, source in self.sources.items()}
        sources = {dataset: {name: every[name] for name in names} for dataset, names in self.sources_in_dset.items()}
        penalty = [] if self._constraint is None else [Penalty(self._constraint, self._extra)]
        free = dict.fromkeys(self.param_specs)
        self.native = Unbinned(sources, free_rates=self._rates, free=free, constraints=penalty)
        self._prepare()

    def _prepare(self) -> None:
        complete = all(events is not None for events in self._events.values())
        self._data: UnbinnedData | None = self.native.prepare(dict(self._events)) if complete else None

    def _needed_data(self) -> UnbinnedData:
        if self._data is None:
            missing = [name for name, events in self._events.items() if events is None]
            raise InvalidData(f"the likelihood has no data for {', '.join(missing)}; call set_data(events)")
        return self._data

    def _posed(self, bounds: Any, fix: Any, guess: Any) -> Posed:
        if guess is not None and not isinstance(guess, Mapping):
            raise InvalidOption(f"guess is a {type(guess).__name__}; expected a dictionary from parameter to value")
        start = {**self.guess(), **{name: float(x) for name, x in (guess or {}).items()}}
        self._refuse_unknown(start)
        allowed = {n: b for n, b in {**self.default_bounds, **(bounds or {})}.items() if n not in (fix or {})}
        space = fit_space(self.native.space, allowed, fix or {}, start)
        return Posed(self.native, self._needed_data(), space)

    def _expanded(self, params: Mapping[str, Any], second_order: bool = False) -> Expansion:
        return expanded(self.native, self._needed_data(), self._theta(params), second_order=second_order)

    def _hessian(self, params: Mapping[str, Any], *, often: bool = False) -> Float[np.ndarray, "parameters parameters"]:
        data, theta = self._needed_data(), self._theta(params)
        return hessian_of_nll(self.native, data, theta, self.default_bounds, often=often)

    def _theta(self, params: Mapping[str, Any]) -> Float[np.ndarray, " parameters"]:
        self._refuse_unknown(params)
        values = {**self.guess(), **params}
        return np.array([float(values[name]) for name in self.native.space.names])

    def _refuse_unknown(self, params: Mapping[str, Any]) -> None:
        for name in params:
            if name not in self.native.space:
                raise UnknownName(f"no parameter {name!r}; {near_names(name, self.native.space.names)}")

    def _kept(self, omitted: Sequence[str]) -> list[int]:
        self._refuse_unknown(dict.fromkeys(omitted))
        return [i for i, name in enumerate(self.native.space.names) if name not in omitted]

    def _split(self, params: Mapping[str, Any]) -> tuple[dict[str, float], dict[str, float]]:
        """Values of shape parameters, and the rate multiplier of every source."""
        of_rates = {name + _RATE: name for name in self.sources}
        values = {**self.guess(), **{name: float(x) for name, x in params.items()}}
        self._refuse_unknown({name: x for name, x in params.items() if name not in of_rates})
        rates = {source: values.get(name, 1.0) for name, source in of_rates.items()}
        return {name: x for name, x in values.items() if name not in of_rates}, rates
