"""What importing the face costs: no data are read, and no optional package is loaded."""

import subprocess
import sys


def python(program):
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


NAMES = (
    *("ParameterDimension", "ParameterSpace", "FlavorModel", "Fit", "LmfitMinimizer", "ExperimentalData"),
    *("NuFit52_NO", "NuFit52_IO", "NuFit53_NO", "NuFit53_IO", "Lexpdata_NO", "Lexpdata_IO"),
    *("NuFit52_NO_gauss", "NuFit52_IO_gauss", "NuFit53_NO_gauss", "NuFit53_IO_gauss"),
    *("calculate_quark_observables", "calculate_lepton_dimensionless_observables", "calculate_lepton_observables"),
    *("calculate_ckm", "calculate_pmns", "get_wolfenstein_parameters", "get_standard_parameters_ckm"),
    *("get_standard_parameters_pmns", "flavorpy_cmap", "plot"),
)


def test_importing_gives_all_names_reads_no_data_and_loads_no_optional_package():
    program = (
        "import sys\n"
        "opened = []\n"
        "sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == 'open' else None)\n"
        "import wilks.compat.flavorpy as mf\n"
        "import wilks.compat.flavorpy.constructterms as terms\n"
        "import wilks.compat.flavorpy.modelfitting as inner\n"
        "print([path for path in opened if path.endswith(('.npz', '.txt', '.json')) and 'wilks' in path])\n"
        "print(sorted({'pandas', 'lmfit', 'emcee', 'flavorpy'} & set(sys.modules)))\n"
        "mf.NuFit53_NO.get_chisq({'s12^2': 0.3})\n"
        "print(sum(path.endswith('nufit53_NO.npz') for path in opened))\n"
        f"print([n for n in {NAMES!r} if getattr(mf, n) is not getattr(inner, n)])\n"
        "print(mf.constructterms is terms, terms.groups.A4)"
    )
    assert python(program).splitlines() == ["[]", "[]", "1", "[]", "True A4"]
