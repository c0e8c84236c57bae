"""LaTeX texts of flavour observables for axes."""

from collections.abc import Mapping
from types import MappingProxyType

LABELS: Mapping[str, str] = MappingProxyType(
    {
        "me/mu": r"$m_e/m_\mu$",
        "mu/mt": r"$m_\mu/m_\tau$",
        "s12^2": r"$\sin^2\theta_{12}$",
        "s13^2": r"$\sin^2\theta_{13}$",
        "s23^2": r"$\sin^2\theta_{23}$",
        "d/pi": r"$\delta_\mathrm{CP}/\pi$",
        "r": r"$\Delta m^2_{21}/\Delta m^2_{3\ell}$",
        "m21^2": r"$\Delta m^2_{21}$ [eV$^2$]",
        "m3l^2": r"$\Delta m^2_{3\ell}$ [eV$^2$]",
        "m1": r"$m_1$ [eV]",
        "m2": r"$m_2$ [eV]",
        "m3": r"$m_3$ [eV]",
        "eta1": r"$\eta_1/\pi$",
        "eta2": r"$\eta_2/\pi$",
        "alpha21/pi": r"$\alpha_{21}/\pi$",
        "alpha31/pi": r"$\alpha_{31}/\pi$",
        "J": r"$J$",
        "Jmax": r"$J_\mathrm{max}$",
        "Sum(m_i)": r"$\sum m_i$ [eV]",
        "m_b": r"$m_\beta$ [eV]",
        "m_bb": r"$m_{\beta\beta}$ [eV]",
        "nscale": r"$\Lambda_\nu$",
        "n_scale": r"$\Lambda_\nu$",
        "Retau": r"$\mathrm{Re}\,\tau$",
        "Imtau": r"$\mathrm{Im}\,\tau$",
        "mu/mc": r"$m_u/m_c$",
        "mc/mt": r"$m_c/m_t$",
        "md/ms": r"$m_d/m_s$",
        "ms/mb": r"$m_s/m_b$",
        "t12": r"$\theta^q_{12}$ [deg]",
        "t13": r"$\theta^q_{13}$ [deg]",
        "t23": r"$\theta^q_{23}$ [deg]",
        "dq": r"$\delta^q$ [deg]",
        "lambda": r"$\lambda$",
        "l": r"$\lambda$",
        "A": r"$A$",
        "rhobar": r"$\bar\rho$",
        "etabar": r"$\bar\eta$",
        "chisq": r"$\chi^2$",
    }
)
"""Text by name; other names stand as they are."""
