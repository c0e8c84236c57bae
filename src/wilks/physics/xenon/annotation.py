"""Best guesses and ranges of what happened inside the detector, computed from the observed signals."""

import numpy as np

from .evaluation import Evaluator

Columns = dict[str, np.ndarray]
_RAW_SIGMAS = 2.0


def annotate_columns(evaluate: Evaluator, columns: Columns, max_sigma: float) -> Columns:
    """Estimates (``_mle``) and ranges (``_min``, ``_max``) of signals, quanta and energies.

    Args:
        evaluate: model functions at the defaults of their parameters.
        columns: of the events, with s1 and s2.
        max_sigma: half width of the ranges in standard deviations.
    """
    light = _detected(evaluate, columns, "s1", "photoelectrons_detected", "photoelectron_gain", max_sigma)
    charge = _detected(evaluate, columns, "s2", "electrons_detected", "electron_gain", max_sigma)
    double = 1 + evaluate("double_pe_fraction", columns)
    found = {**light, **charge}
    for end, whole in (("mle", np.asarray), ("min", np.floor), ("max", np.ceil)):
        found[f"photons_detected_{end}"] = whole(found[f"photoelectrons_detected_{end}"] / double)
    _produced(found, "photons", _efficiency(evaluate, columns, found, "photons"), max_sigma)
    _produced(found, "electrons", _efficiency(evaluate, columns, found, "electrons"), max_sigma)
    for end in ("mle", "min", "max"):
        total = found[f"photons_produced_{end}"] + found[f"electrons_produced_{end}"]
        found[f"quanta_produced_{end}"] = total if end == "mle" else np.maximum(total, 1.0)
    work = evaluate("work", columns)
    found["e_charge_vis"] = work * found["electrons_produced_mle"]
    found["e_light_vis"] = work * found["photons_produced_mle"]
    found["e_vis"] = found["e_charge_vis"] + found["e_light_vis"]
    return found


def _detected(evaluate: Evaluator, columns: Columns, signal: str, quanta: str, gain: str, max_sigma: float) -> Columns:
    observed = columns[signal]
    bias = evaluate(f"reconstruction_bias_{signal}_annotate", columns, observed)
    smear = evaluate(f"reconstruction_smear_{signal}_annotate", columns, observed)
    raw = np.maximum(observed / bias, 0.0)
    reach = _RAW_SIGMAS * np.sqrt(raw) * smear / bias
    mean, spread = evaluate(f"{gain}_mean", columns), evaluate(f"{gain}_std", columns)
    number = np.maximum(raw / mean, 0.0)
    width = max_sigma * np.sqrt(number) * spread / mean
    return {
        f"{signal}_raw_mle": raw,
        f"{signal}_raw_min": np.maximum(raw - reach, 0.0),
        f"{signal}_raw_max": np.maximum(raw + reach, 0.0),
        f"{quanta}_mle": number,
        f"{quanta}_min": np.maximum(np.floor(number - width), 0.0),
        f"{quanta}_max": np.maximum(np.ceil(number + width), 0.0),
    }


def _efficiency(evaluate: Evaluator, columns: Columns, found: Columns, quanta: str) -> np.ndarray:
    """Detection efficiency at the estimate: what depends on the produced number is taken at that number."""
    plain, hidden = (
        ("photon_detection_eff", "penning_quenching_eff")
        if quanta == "photons"
        else ("electron_detection_eff", "electron_loss")
    )
    efficiency = evaluate(plain, columns)
    return efficiency * evaluate(hidden, columns, found[f"{quanta}_detected_mle"] / efficiency)


def _produced(found: Columns, quanta: str, efficiency: np.ndarray, max_sigma: float) -> None:
    number = found[f"{quanta}_detected_mle"] / efficiency
    q = (1 - efficiency) / efficiency
    width = max_sigma * (q + np.sqrt(q**2 + 4 * number * q)) / 2
    found[f"{quanta}_produced_mle"] = number
    found[f"{quanta}_produced_min"] = np.maximum(np.floor(number - width), 0.0)
    found[f"{quanta}_produced_max"] = np.maximum(np.ceil(number + width), 0.0)
